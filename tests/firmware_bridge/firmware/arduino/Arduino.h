/* Stand-ins for the Arduino functions that the sketches call, as far as they call them: enough to
 * run a sketch on this machine, and no proof that it runs on a board. */
#pragma once
#include <cstddef>
#include <cstdint>

struct Line {
    void begin(unsigned long) {}
    void setTxBufferSize(size_t) {}
    int available();
    int read();
    int availableForWrite();
    size_t write(const uint8_t *bytes, size_t n_bytes); /* ends the program where it would wait */
    explicit operator bool();
};
extern Line Serial;

struct Chip { uint32_t hwrand32() { return 0x12345678; } };
extern Chip rp2040;

uint32_t millis();
int analogRead(uint8_t pin);
uint32_t esp_random();
