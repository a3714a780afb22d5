#pragma once
#include <cstdint>

void adc_init();
void adc_gpio_init(unsigned pin);
void adc_select_input(unsigned input);
uint16_t adc_read();
