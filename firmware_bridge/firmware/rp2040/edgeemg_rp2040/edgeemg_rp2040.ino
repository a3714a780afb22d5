// NOT TESTED ON HARDWARE. The core that it calls is (edgeemg_wire.c); this glue has been compiled
// and run only against stand-ins for the Arduino functions that it uses.
//
// Three inputs at 1 kHz over the USB port of a Raspberry Pi Pico, for the arduino-pico core
// (github.com/earlephilhower/arduino-pico). Put edgeemg_wire.h and edgeemg_wire.c into the folder
// of this sketch.

#include <Arduino.h>
#include <hardware/adc.h>
#include <pico/time.h>

#include "edgeemg_wire.h"

const unsigned FIRST_PIN = 26;      // GP26 to GP28 are inputs 0 to 2 of the ADC
const unsigned long GAIN = 1;       // of the amplifier before the ADC; 1: volts at the pin
const unsigned long USB = 8000000;  // bits a second that full-speed USB carries without effort

enum { CHANNELS = 3, SAMPLES = 5, BLOCKS = 16, RATE_HZ = 1000, FORMAT = EDGEEMG_INT16 };
EDGEEMG_ASSERT_WIRE_LOAD(RATE_HZ, CHANNELS, SAMPLES, FORMAT, USB);
EDGEEMG_ASSERT_RING(CHANNELS, SAMPLES, FORMAT, BLOCKS);

// 3.3 V over 12 bits
const edgeemg_info FACTS = {
    CHANNELS, SAMPLES, FORMAT, 0, 0, RATE_HZ * 1000UL, 3300000000UL, 4096 * GAIN,
    2048, 0, 4095, 0, 0, 1, 0, 0, "edgeemg-rp2040",
};

static uint8_t memory[EDGEEMG_RING_BYTES(CHANNELS, SAMPLES, FORMAT, BLOCKS)];
static edgeemg_ring ring;
static repeating_timer_t timer;
static uint8_t wire[EDGEEMG_MAX_WIRE_BYTES];
static size_t sent, waiting;  // bytes of `wire`: sent, and in all
static unsigned reports_owed = 1;
static uint32_t reported_ms;

static bool sample(repeating_timer_t *) {
    int32_t counts[CHANNELS];
    const uint32_t began_us = time_us_32();
    for (unsigned channel = 0; channel < CHANNELS; channel++) {
        adc_select_input(channel);
        counts[channel] = adc_read();
    }
    edgeemg_ring_put(&ring, counts, 0, began_us);
    return true;
}

static void hear() {
    if (!Serial.available()) return;
    const int command = Serial.read();
    if (command == EDGEEMG_START) edgeemg_ring_stream(&ring, true);
    if (command == EDGEEMG_STOP) edgeemg_ring_stream(&ring, false);
    if (command == EDGEEMG_START || command == EDGEEMG_STOP || command == EDGEEMG_REPORT) {
        reports_owed++;
    }
}

static size_t next_frame() {
    if (reports_owed == 0 && millis() - reported_ms < EDGEEMG_INFO_EVERY_MS) {
        return edgeemg_ring_take(&ring, wire);
    }
    if (reports_owed) reports_owed--;
    reported_ms = millis();
    return edgeemg_write_report(&ring, &FACTS, time_us_32(), wire);
}

void setup() {
    Serial.begin(115200);  // USB does not look at it
    edgeemg_ring_begin(&ring, memory, BLOCKS, &FACTS, (uint16_t)rp2040.hwrand32());
    wire[0] = 0;  // ends whatever was said before
    waiting = 1;
    adc_init();
    for (unsigned channel = 0; channel < CHANNELS; channel++) adc_gpio_init(FIRST_PIN + channel);
    // negative: from start to start, however long one takes
    add_repeating_timer_us(-1000000L / RATE_HZ, sample, nullptr, &timer);
}

void loop() {
    hear();
    if (sent == waiting) {
        sent = 0;
        waiting = next_frame();
    }
    // never more than there is room for, and nothing to nobody: such a write would wait
    if (!Serial || (size_t)Serial.availableForWrite() < waiting - sent) return;
    sent += Serial.write(wire + sent, waiting - sent);
}
