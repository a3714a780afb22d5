// NOT TESTED ON HARDWARE. The core that it calls is (edgeemg_wire.c); this glue has been compiled
// and run only against stand-ins for the Arduino functions that it uses.
//
// Four inputs at 1 kHz over the serial adapter of an ESP32 board, for Espressif's Arduino core.
// Put edgeemg_wire.h and edgeemg_wire.c into the folder of this sketch.

#include <Arduino.h>
#include <esp_timer.h>

#include "edgeemg_wire.h"

const uint8_t PINS[] = {36, 39, 34, 35};  // of ADC1: Wi-Fi takes ADC2
const unsigned long BAUD = 500000;        // what every adapter on these boards can do
const unsigned long GAIN = 1;             // of the amplifier before the ADC; 1: volts at the pin

enum { CHANNELS = sizeof PINS, SAMPLES = 5, BLOCKS = 16, RATE_HZ = 1000, FORMAT = EDGEEMG_INT16 };
EDGEEMG_ASSERT_WIRE_LOAD(RATE_HZ, CHANNELS, SAMPLES, FORMAT, BAUD);
EDGEEMG_ASSERT_RING(CHANNELS, SAMPLES, FORMAT, BLOCKS);

// 3.3 V over 12 bits. Nominal: this ADC is not linear near its ends, nor alike from chip to chip.
const edgeemg_info FACTS = {
    CHANNELS, SAMPLES, FORMAT, 0, 0, RATE_HZ * 1000UL, 3300000000UL, 4096 * GAIN,
    2048, 0, 4095, 0, 0, 1, 0, 0, "edgeemg-esp32",
};

static uint8_t memory[EDGEEMG_RING_BYTES(CHANNELS, SAMPLES, FORMAT, BLOCKS)];
static edgeemg_ring ring;
static uint8_t wire[EDGEEMG_MAX_WIRE_BYTES];
static size_t sent, waiting;  // bytes of `wire`: sent, and in all
static unsigned reports_owed = 1;
static uint32_t reported_ms;

static uint32_t now_us() { return (uint32_t)esp_timer_get_time(); }

// In the timer's own task, which goes before loop(): late ones are made up for, none is left out.
static void sample(void *) {
    int32_t counts[CHANNELS];
    const uint32_t began_us = now_us();
    for (int channel = 0; channel < CHANNELS; channel++) {
        counts[channel] = analogRead(PINS[channel]);
    }
    edgeemg_ring_put(&ring, counts, 0, began_us);
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
    return edgeemg_write_report(&ring, &FACTS, now_us(), wire);
}

void setup() {
    Serial.setTxBufferSize(1024);
    Serial.begin(BAUD);
    edgeemg_ring_begin(&ring, memory, BLOCKS, &FACTS, (uint16_t)esp_random());
    wire[0] = 0;  // ends whatever the boot loader said
    waiting = 1;
    esp_timer_create_args_t timer = {};
    timer.callback = sample;
    timer.name = "sample";
    esp_timer_handle_t handle;
    esp_timer_create(&timer, &handle);
    esp_timer_start_periodic(handle, 1000000UL / RATE_HZ);
}

void loop() {
    hear();
    if (sent == waiting) {
        sent = 0;
        waiting = next_frame();
    }
    // never more than there is room for: a write that waits would keep commands from being heard
    if ((size_t)Serial.availableForWrite() < waiting - sent) return;
    sent += Serial.write(wire + sent, waiting - sent);
}
