#pragma once
#include <cstdint>

struct repeating_timer_t { void *user_data; };

uint32_t time_us_32();
bool add_repeating_timer_us(int64_t delay_us, bool (*callback)(repeating_timer_t *),
                            void *user_data, repeating_timer_t *out);
