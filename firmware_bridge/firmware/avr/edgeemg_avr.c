/* Four inputs at 1 kHz over a serial line of 1 Mbaud: reference firmware for the ATmega328P at
 * 16 MHz (Arduino Uno, Nano). A0 to A3, 10 bits, 0 to 5 V with the middle at 2.5 V.
 *
 * Timer 1 paces the ADC, one input every 250 us, so each input is read every millisecond to within
 * a few microseconds, whatever the main loop does. The ADC could be triggered by the timer without
 * an interrupt; but simavr, which tests this firmware, does not know that mode.
 */
#include <avr/eeprom.h>
#include <avr/interrupt.h>
#include <avr/io.h>
#include <util/atomic.h>

#include "../edgeemg_wire.h"

#ifndef F_CPU
#define F_CPU 16000000UL
#endif
#ifndef BAUD
#define BAUD 1000000UL
#endif
#ifndef GAIN
#define GAIN 1UL /* of the amplifier before the ADC; 1: microvolts are those at the ADC */
#endif

enum { CHANNELS = 4, SAMPLES = 5, BLOCKS = 2, RATE_HZ = 1000, FORMAT = EDGEEMG_INT16 };

#define TICK_US (1000000UL / RATE_HZ / CHANNELS)
#define TIMER_TOP (F_CPU / 8 * TICK_US / 1000000UL - 1)
#define DIVIDER ((F_CPU + BAUD * 4) / (BAUD * 8)) /* rounded to the nearest, double speed */
#define TRUE_BAUD (F_CPU / 8 / DIVIDER)

EDGEEMG_ASSERT_RING(CHANNELS, SAMPLES, FORMAT, BLOCKS);
#ifndef ALLOW_OVERLOAD
EDGEEMG_ASSERT_WIRE_LOAD(RATE_HZ, CHANNELS, SAMPLES, FORMAT, BAUD);
#endif
EDGEEMG_STATIC_ASSERT(TRUE_BAUD * 40 <= BAUD * 41 && TRUE_BAUD * 40 >= BAUD * 39,
                      baud_is_off_by_more_than_2_5_percent);

static const edgeemg_info facts = {
    CHANNELS, SAMPLES, FORMAT, 0, 0,
    RATE_HZ * 1000UL,
    9765625UL, 2 * GAIN, /* 5 V / 1024 in nanovolts */
    512, 0, 1023,
    0, 0,
    1, 0, 0,
    "edgeemg-avr",
};

static edgeemg_ring ring;
static uint8_t memory[EDGEEMG_RING_BYTES(CHANNELS, SAMPLES, FORMAT, BLOCKS)];

/* ---- Inputs ---- */

static volatile uint32_t clock_us;

static void select_input(uint8_t channel) { ADMUX = (uint8_t)(_BV(REFS0) | channel); }

static void begin_sampling(void) {
    DIDR0 = 0x0F; /* these four pins are inputs of the ADC alone */
    select_input(0);
    /* 125 kHz: a conversion takes 104 us */
    ADCSRA = _BV(ADEN) | _BV(ADSC) | _BV(ADPS2) | _BV(ADPS1) | _BV(ADPS0);
    OCR1A = TIMER_TOP;
    TCCR1B = _BV(WGM12) | _BV(CS11);
    TIMSK1 = _BV(OCIE1A);
}

/* Takes the input that was begun a tick ago, and begins the next one. */
ISR(TIMER1_COMPA_vect) {
    static int32_t counts[CHANNELS];
    static uint32_t scan_us;
    static uint8_t channel;

    counts[channel] = ADC;
    uint8_t next = (uint8_t)((channel + 1) % CHANNELS);
    select_input(next);
    ADCSRA |= _BV(ADSC);
    channel = next;
    clock_us += TICK_US;
    if (next != 0) return;
    edgeemg_ring_put(&ring, counts, 0, scan_us);
    scan_us = clock_us;
}

static uint32_t now_us(void) {
    uint32_t now;
    ATOMIC_BLOCK(ATOMIC_RESTORESTATE) { now = clock_us; }
    return now;
}

/* ---- Line ---- */

static uint8_t wire[EDGEEMG_MAX_WIRE_BYTES];
static volatile uint8_t wire_at, wire_end;
static volatile uint8_t heard[8]; /* command bytes: three can come while one frame is made */
static volatile uint8_t heard_in;
static uint8_t heard_out;

static void begin_line(void) {
    UCSR0A = _BV(U2X0);
    UCSR0C = _BV(UCSZ01) | _BV(UCSZ00);
    UBRR0 = DIVIDER - 1; /* after the others: simavr looks at them here */
    UCSR0B = _BV(RXEN0) | _BV(TXEN0) | _BV(RXCIE0);
}

ISR(USART_UDRE_vect) {
    UDR0 = wire[wire_at];
    wire_at = (uint8_t)(wire_at + 1);
    if (wire_at == wire_end) UCSR0B &= (uint8_t)~_BV(UDRIE0);
}

ISR(USART_RX_vect) {
    uint8_t byte = UDR0;
    uint8_t in = heard_in;
    if ((uint8_t)(in - heard_out) == sizeof heard) return;
    heard[in % sizeof heard] = byte;
    heard_in = (uint8_t)(in + 1);
}

static bool is_sending(void) { return UCSR0B & _BV(UDRIE0); }

static void send(size_t n_bytes) {
    if (n_bytes == 0) return;
    wire_at = 0;
    wire_end = (uint8_t)n_bytes;
    UCSR0B |= _BV(UDRIE0);
}

/* ---- Main loop ---- */

static uint8_t reports_owed = 1; /* one at boot */
static uint32_t next_report_us;

static void hear_command(void) {
    if (heard_out == heard_in) return;
    uint8_t command = heard[heard_out % sizeof heard];
    heard_out = (uint8_t)(heard_out + 1);
    if (command == EDGEEMG_START) edgeemg_ring_stream(&ring, true);
    if (command == EDGEEMG_STOP) edgeemg_ring_stream(&ring, false);
    bool known = command == EDGEEMG_START || command == EDGEEMG_STOP || command == EDGEEMG_REPORT;
    if (known && reports_owed < UINT8_MAX) reports_owed++;
}

static size_t write_report(void) {
    uint32_t now = now_us();
    if (reports_owed == 0 && (int32_t)(now - next_report_us) < 0) return 0;
    if (reports_owed > 0) reports_owed--;
    next_report_us = now + EDGEEMG_INFO_EVERY_MS * 1000UL;
    return edgeemg_write_report(&ring, &facts, now, wire);
}

/* The number of times that this board was switched on: no two boots in a row have the same. */
static uint16_t next_boot_id(void) {
    static uint16_t EEMEM boots;
    uint16_t boot_id = (uint16_t)(eeprom_read_word(&boots) + 1);
    eeprom_update_word(&boots, boot_id);
    return boot_id;
}

int main(void) {
    bool reported = false;
    edgeemg_ring_begin(&ring, memory, BLOCKS, &facts, next_boot_id());
    begin_line();
    begin_sampling();
    sei();
    wire[0] = 0; /* ends whatever the boot loader said */
    send(1);
    for (;;) {
        hear_command();
        if (is_sending()) continue;
        /* in turn, so that a flood of commands cannot keep samples off the line */
        size_t n = reported ? 0 : write_report();
        reported = n != 0;
        send(reported ? n : edgeemg_ring_take(&ring, wire));
    }
}
