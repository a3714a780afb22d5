/* An ELF file and a waveform in, an ATmega328P on a pseudo-terminal out, and what its ADC was fed.
 *
 *     avr_board FIRMWARE.elf WAVEFORM CHANNELS RATE_HZ TRUTH
 *
 * WAVEFORM  float32 millivolts at the pins, (time, channel), played over and over
 * TRUTH     written: for each conversion {uint64 cycle, uint32 channel, float32 millivolts}
 *
 * Prints "PTY /dev/pts/N", runs at the pace of a real board until SIGTERM, and prints one line of
 * JSON. SIGUSR1 is a reset: registers and clock begin anew, EEPROM stays. The line neither loses
 * nor adds a byte: where nobody reads, the chip stands still.
 *
 * Linked with libsimavr (GPL-3): a tool of the tests, never shipped as a binary.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "avr_adc.h"
#include "avr_uart.h"
#include "sim_avr.h"
#include "sim_elf.h"

enum { LOOKS_PER_S = 4000, SUPPLY_MV = 5000 };

static volatile sig_atomic_t ended, reset;

static avr_t *chip;
static unsigned long last_reset; /* conversions before it; 0: there was none */
static uint64_t clock_before_reset; /* cycles that the chip has forgotten */

static struct {
    float *millivolts;
    size_t rows;
    unsigned channels;
    double rate_hz;
    FILE *truth;
    unsigned long conversions;
} inputs;

static struct {
    int master, slave;
    uint8_t out[4096];
    size_t n_out;
    unsigned long sent, received;
    avr_irq_t *to_chip;
    bool chip_listens;
} line;

static void die(const char *what) {
    fprintf(stderr, "avr_board: %s: %s\n", what, strerror(errno));
    exit(2);
}

static void on_signal(int number) {
    if (number == SIGUSR1) reset = 1;
    else ended = 1;
}

static double now_s(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static uint64_t cycles(void) { return clock_before_reset + chip->cycle; }

/* ---- The line ---- */

static void flush_line(void) {
    size_t done = 0;
    while (done < line.n_out && !ended) {
        ssize_t n = write(line.master, line.out + done, line.n_out - done);
        if (n > 0) {
            done += (size_t)n;
            continue;
        }
        if (n < 0 && errno != EAGAIN && errno != EINTR) die("write");
        struct pollfd room = {line.master, POLLOUT, 0};
        poll(&room, 1, 50);
    }
    line.sent += done;
    line.n_out = 0;
}

static void hear(void) {
    uint8_t byte;
    while (line.chip_listens && read(line.master, &byte, 1) == 1) {
        line.received++;
        avr_raise_irq(line.to_chip, byte);
    }
}

static void on_byte(avr_irq_t *irq, uint32_t value, void *param) {
    (void)irq, (void)param;
    line.out[line.n_out++] = (uint8_t)value;
    if (line.n_out == sizeof line.out) flush_line();
}

static void on_xon(avr_irq_t *irq, uint32_t value, void *param) {
    (void)irq, (void)value, (void)param;
    line.chip_listens = true;
}

static void on_xoff(avr_irq_t *irq, uint32_t value, void *param) {
    (void)irq, (void)value, (void)param;
    line.chip_listens = false;
}

static void open_line(void) {
    struct termios raw;
    uint32_t flags = 0;
    char name[64];
    /* the slave stays open here, so that readers can come and go */
    if (openpty(&line.master, &line.slave, name, NULL, NULL)) die("openpty");
    tcgetattr(line.slave, &raw);
    cfmakeraw(&raw);
    tcsetattr(line.slave, TCSANOW, &raw);
    fcntl(line.master, F_SETFL, O_NONBLOCK);
    /* else simavr prints what is sent, and sleeps where the firmware polls */
    avr_ioctl(chip, AVR_IOCTL_UART_GET_FLAGS('0'), &flags);
    flags &= ~(uint32_t)(AVR_UART_FLAG_STDIO | AVR_UART_FLAG_POLL_SLEEP);
    avr_ioctl(chip, AVR_IOCTL_UART_SET_FLAGS('0'), &flags);
    line.to_chip = avr_io_getirq(chip, AVR_IOCTL_UART_GETIRQ('0'), UART_IRQ_INPUT);
    line.chip_listens = true;
    avr_irq_register_notify(avr_io_getirq(chip, AVR_IOCTL_UART_GETIRQ('0'), UART_IRQ_OUTPUT),
                            on_byte, NULL);
    avr_irq_register_notify(avr_io_getirq(chip, AVR_IOCTL_UART_GETIRQ('0'), UART_IRQ_OUT_XON),
                            on_xon, NULL);
    avr_irq_register_notify(avr_io_getirq(chip, AVR_IOCTL_UART_GETIRQ('0'), UART_IRQ_OUT_XOFF),
                            on_xoff, NULL);
    printf("PTY %s\n", name);
    fflush(stdout);
}

/* ---- The inputs ---- */

static void on_conversion(avr_irq_t *irq, uint32_t value, void *param) {
    (void)irq, (void)param;
    union { avr_adc_mux_t mux; uint32_t value; } begun = {.value = value};
    struct { uint64_t cycle; uint32_t channel; float millivolts; } note;
    note.cycle = cycles();
    note.channel = begun.mux.src;
    note.millivolts = 0;
    if (note.channel < inputs.channels) {
        double seconds = (double)note.cycle / chip->frequency;
        size_t row = (size_t)(seconds * inputs.rate_hz) % inputs.rows;
        note.millivolts = inputs.millivolts[row * inputs.channels + note.channel];
        avr_raise_irq(avr_io_getirq(chip, AVR_IOCTL_ADC_GETIRQ, (int)note.channel),
                      (uint32_t)note.millivolts);
    }
    if (fwrite(&note, sizeof note, 1, inputs.truth) != 1) die("truth");
    inputs.conversions++;
}

static void open_inputs(const char *waveform, const char *channels, const char *rate_hz,
                        const char *truth) {
    FILE *file = fopen(waveform, "rb");
    if (!file) die(waveform);
    fseek(file, 0, SEEK_END);
    size_t values = (size_t)ftell(file) / sizeof(float);
    rewind(file);
    inputs.channels = (unsigned)atoi(channels);
    inputs.rate_hz = atof(rate_hz);
    inputs.rows = inputs.channels ? values / inputs.channels : 0;
    inputs.millivolts = malloc(values * sizeof(float));
    if (!inputs.rows || !inputs.millivolts) die("empty waveform");
    if (fread(inputs.millivolts, sizeof(float), values, file) != values) die(waveform);
    fclose(file);
    inputs.truth = fopen(truth, "wb");
    if (!inputs.truth) die(truth);
    avr_irq_register_notify(avr_io_getirq(chip, AVR_IOCTL_ADC_GETIRQ, ADC_IRQ_OUT_TRIGGER),
                            on_conversion, NULL);
}

/* ---- The chip ---- */

static void make_chip(const char *path) {
    static elf_firmware_t firmware;
    if (elf_read_firmware(path, &firmware)) die(path);
    chip = avr_make_mcu_by_name("atmega328p");
    if (!chip) die("atmega328p");
    avr_init(chip);
    firmware.frequency = 16000000;
    avr_load_firmware(chip, &firmware);
    chip->log = LOG_ERROR;
    chip->vcc = chip->avcc = chip->aref = SUPPLY_MV;
}

static bool run_chip(void) {
    uint64_t until = chip->cycle + chip->frequency / LOOKS_PER_S;
    while (chip->cycle < until) {
        int state = avr_run(chip);
        if (state == cpu_Done || state == cpu_Crashed) return false;
    }
    return true;
}

int main(int count, char **words) {
    if (count != 6) {
        fprintf(stderr, "usage: avr_board FIRMWARE.elf WAVEFORM CHANNELS RATE_HZ TRUTH\n");
        return 2;
    }
    signal(SIGTERM, on_signal);
    signal(SIGINT, on_signal);
    signal(SIGUSR1, on_signal);
    make_chip(words[1]);
    open_inputs(words[2], words[3], words[4], words[5]);
    open_line();
    double started_s = now_s();
    bool alive = true;
    while (!ended && alive) {
        if (reset) {
            uint64_t before = cycles();
            reset = 0;
            last_reset = inputs.conversions;
            avr_reset(chip);
            clock_before_reset += before - cycles(); /* time goes on, whatever simavr does */
        }
        alive = run_chip();
        flush_line();
        hear();
        double ahead_s = (double)cycles() / chip->frequency - (now_s() - started_s);
        if (ahead_s > 0) usleep((useconds_t)(ahead_s * 1e6));
    }
    fclose(inputs.truth);
    printf("{\"last_reset\": %lu, \"conversions\": %lu, \"cycles\": %llu, \"sent\": %lu, \"received\": %lu}\n",
           last_reset, inputs.conversions, (unsigned long long)cycles(), line.sent, line.received);
    return alive ? 0 : 1;
}
