/* Runs a sketch for 3.2 seconds that pass at once, and writes what it sent to stdout.
 *
 * At 0.05 s the host asks and starts the stream, from 1 s to 2 s it is away, at 3 s it stops.
 * The n-th scan reads (n * 7 + 500 * input) % 4096 at its inputs, n counted from 0.
 */
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>

#include "Arduino.h"
#include "esp_timer.h"
#include "hardware/adc.h"
#include "pico/time.h"

void setup();
void loop();

static const int ROOM = 256, BYTES_PER_MS = 50;

Line Serial;
Chip rp2040;
static uint64_t now_us, period_us;
static long scans, inputs_read;
static unsigned input;
static bool away;
static int queued;
static std::deque<uint8_t> commands;
static void (*esp_callback)(void *);
static bool (*pico_callback)(repeating_timer_t *);

int Line::available() { return (int)commands.size(); }
int Line::read() {
    const int byte = commands.front();
    commands.pop_front();
    return byte;
}
int Line::availableForWrite() { return ROOM - queued; }
Line::operator bool() { return !away; }
size_t Line::write(const uint8_t *bytes, size_t n_bytes) {
    if (queued + (int)n_bytes > ROOM) {
        fprintf(stderr, "a write of %zu bytes would wait\n", n_bytes);
        exit(1);
    }
    queued += (int)n_bytes;
    fwrite(bytes, 1, n_bytes, stdout);
    return n_bytes;
}

uint32_t millis() { return (uint32_t)(now_us / 1000); }
uint32_t time_us_32() { return (uint32_t)now_us; }
int64_t esp_timer_get_time() { return (int64_t)now_us; }
uint32_t esp_random() { return 0x12345678; }
static uint16_t reading(long which) { return (uint16_t)((scans * 7 + 500 * which) % 4096); }
int analogRead(uint8_t) { return reading(inputs_read++); }
void adc_init() {}
void adc_gpio_init(unsigned) {}
void adc_select_input(unsigned which) { input = which; }
uint16_t adc_read() { return reading(input); }
int esp_timer_create(const esp_timer_create_args_t *arguments, esp_timer_handle_t *) {
    esp_callback = arguments->callback;
    return 0;
}
int esp_timer_start_periodic(esp_timer_handle_t, uint64_t period) {
    period_us = period;
    return 0;
}
bool add_repeating_timer_us(int64_t delay_us, bool (*callback)(repeating_timer_t *), void *,
                            repeating_timer_t *) {
    pico_callback = callback;
    period_us = (uint64_t)-delay_us;
    return true;
}

static void tick() {
    inputs_read = 0;
    if (esp_callback) esp_callback(nullptr);
    if (pico_callback) pico_callback(nullptr);
    scans++;
}

int main() {
    setup();
    for (int ms = 0; ms < 3200; ms++) {
        if (ms == 50) commands = {'s', 'i', 'b'};
        if (ms == 3000) commands = {'s'};
        away = ms >= 1000 && ms < 2000;
        if (!away) queued = queued > BYTES_PER_MS ? queued - BYTES_PER_MS : 0;
        now_us += period_us;
        tick();
        for (int turn = 0; turn < 20; turn++) loop();
    }
    return 0;
}
