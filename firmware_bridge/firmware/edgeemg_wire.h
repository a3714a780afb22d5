/* Counts of an ADC in, bytes of the edgeemg protocol out, and back.
 *
 * C99 and C++11, no heap, nothing static: all memory is the caller's. What is on the wire, and why,
 * is in PROTOCOL.md; this file is how to send it.
 *
 * A sensor needs this much:
 *
 *     enum { CHANNELS = 4, SAMPLES = 5, BLOCKS = 2, RATE_HZ = 1000 };
 *     EDGEEMG_ASSERT_WIRE_LOAD(RATE_HZ, CHANNELS, SAMPLES, EDGEEMG_INT16, 1000000);
 *     EDGEEMG_ASSERT_RING(CHANNELS, SAMPLES, EDGEEMG_INT16, BLOCKS);
 *     static uint8_t memory[EDGEEMG_RING_BYTES(CHANNELS, SAMPLES, EDGEEMG_INT16, BLOCKS)];
 *     static edgeemg_ring ring;
 *     static const edgeemg_info facts = {CHANNELS, SAMPLES, EDGEEMG_INT16, ...};
 *
 *     edgeemg_ring_begin(&ring, memory, BLOCKS, &facts, boot_id);   at boot
 *     edgeemg_ring_put(&ring, counts, off_mask, time_us);           each sample: in an interrupt
 *     n = edgeemg_ring_take(&ring, wire);                           in the main loop: send n bytes
 *     edgeemg_ring_stream(&ring, true);                             command 'b'; false: 's'
 *     n = edgeemg_write_report(&ring, &facts, time_us, wire);       boot, each command, every 2 s
 *
 * None of them waits. What the line is too slow for is counted and told, never sent late or twice.
 */
#ifndef EDGEEMG_WIRE_H
#define EDGEEMG_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- What the protocol says ---- */

#define EDGEEMG_VERSION 1
#define EDGEEMG_INFO_EVERY_MS 2000 /* a receiver that comes late waits no longer than this */
#define EDGEEMG_NAME_BYTES 16
#define EDGEEMG_MAX_CHANNELS 32
#define EDGEEMG_MAX_SAMPLES 64

enum { EDGEEMG_DATA = 1, EDGEEMG_INFO = 2 };                          /* types of frame */
enum { EDGEEMG_INT16 = 1, EDGEEMG_INT24 = 2, EDGEEMG_INT32 = 3 };     /* formats of a count */
enum { EDGEEMG_LOST_BEFORE = 1 };                                     /* flag of DATA */
enum { EDGEEMG_STREAMING = 1 };                                       /* flag of INFO */
enum { EDGEEMG_START = 'b', EDGEEMG_STOP = 's', EDGEEMG_REPORT = 'i' }; /* commands, a byte each */

/* ---- Sizes of buffers, as constants ---- */

#define EDGEEMG_HEAD_BYTES 20     /* of DATA, before its samples */
#define EDGEEMG_CRC_BYTES 2
#define EDGEEMG_MAX_RAW_BYTES 253 /* of a frame with its CRC */
#define EDGEEMG_INFO_RAW_BYTES 62
#define EDGEEMG_COUNT_BYTES(format) ((format) + 1)
#define EDGEEMG_BLOCK_BYTES(n_channels, n_samples, format) \
    (EDGEEMG_HEAD_BYTES + (n_channels) * (n_samples) * EDGEEMG_COUNT_BYTES(format))
#define EDGEEMG_DATA_RAW_BYTES(n_channels, n_samples, format) \
    (EDGEEMG_BLOCK_BYTES(n_channels, n_samples, format) + EDGEEMG_CRC_BYTES)
/* One code byte before, one delimiter behind: frames this short need no second code byte. */
#define EDGEEMG_WIRE_BYTES(raw_bytes) ((raw_bytes) + 2)
#define EDGEEMG_INFO_WIRE_BYTES EDGEEMG_WIRE_BYTES(EDGEEMG_INFO_RAW_BYTES)
#define EDGEEMG_DATA_WIRE_BYTES(n_channels, n_samples, format) \
    EDGEEMG_WIRE_BYTES(EDGEEMG_DATA_RAW_BYTES(n_channels, n_samples, format))
#define EDGEEMG_MAX_WIRE_BYTES EDGEEMG_WIRE_BYTES(EDGEEMG_MAX_RAW_BYTES)
#define EDGEEMG_RING_BYTES(n_channels, n_samples, format, n_blocks) \
    ((n_blocks) * EDGEEMG_BLOCK_BYTES(n_channels, n_samples, format))

/* ---- What a line can carry ---- */

/* Bytes a second on the wire, INFO included, rounded up. */
#define EDGEEMG_BYTES_PER_S(rate_hz, n_channels, n_samples, format)                  \
    (((unsigned long)(rate_hz) *                                                     \
          (unsigned long)EDGEEMG_DATA_WIRE_BYTES(n_channels, n_samples, format) +    \
      (unsigned long)(n_samples) - 1UL) / (unsigned long)(n_samples) +               \
     EDGEEMG_INFO_WIRE_BYTES * 1000UL / EDGEEMG_INFO_EVERY_MS)

/* A byte takes ten bits of an asynchronous line; a fifth stays free for clocks that disagree. */
#define EDGEEMG_FITS_WIRE(rate_hz, n_channels, n_samples, format, baud)                \
    (EDGEEMG_BYTES_PER_S(rate_hz, n_channels, n_samples, format) * 100UL <= (baud) * 8UL)

/* Whether a receiver takes DATA of this shape. */
#define EDGEEMG_FITS_FRAME(n_channels, n_samples, format)                    \
    ((n_channels) >= 1 && (n_channels) <= EDGEEMG_MAX_CHANNELS &&            \
     (n_samples) >= 1 && (n_samples) <= EDGEEMG_MAX_SAMPLES &&               \
     (int)(format) >= EDGEEMG_INT16 && (int)(format) <= EDGEEMG_INT32 &&     \
     EDGEEMG_DATA_RAW_BYTES((long)(n_channels), n_samples, (int)(format)) <= \
         EDGEEMG_MAX_RAW_BYTES)

#define EDGEEMG_FITS_RING(n_blocks) \
    ((n_blocks) >= 2 && (n_blocks) <= 128 && ((n_blocks) & ((n_blocks) - 1)) == 0)

/* These stand at file level, one a line. A program that asks too much of its line, or for a ring
 * that edgeemg_ring_begin would refuse, does not compile. */
#define EDGEEMG_ASSERT_WIRE_LOAD(rate_hz, n_channels, n_samples, format, baud)             \
    EDGEEMG_STATIC_ASSERT(EDGEEMG_FITS_FRAME(n_channels, n_samples, format),               \
                          no_receiver_takes_such_a_frame);                                 \
    EDGEEMG_STATIC_ASSERT(EDGEEMG_FITS_WIRE(rate_hz, n_channels, n_samples, format, baud), \
                          more_than_80_percent_of_the_line)
#define EDGEEMG_ASSERT_RING(n_channels, n_samples, format, n_blocks)           \
    EDGEEMG_STATIC_ASSERT(EDGEEMG_FITS_FRAME(n_channels, n_samples, format) && \
                              EDGEEMG_FITS_RING(n_blocks),                     \
                          a_ring_takes_no_such_blocks)

#ifdef __cplusplus
#define EDGEEMG_STATIC_ASSERT(condition, what) static_assert(condition, #what)
#else
#define EDGEEMG_STATIC_ASSERT(condition, what) EDGEEMG_ASSERT_AT_(condition, what, __LINE__)
#define EDGEEMG_ASSERT_AT_(condition, what, line) EDGEEMG_ASSERT_NAMED_(condition, what, line)
#define EDGEEMG_ASSERT_NAMED_(condition, what, line) \
    struct edgeemg_assert_##what##_##line { int what : (condition) ? 1 : -1; }
#endif

/* ---- Frames ---- */

/* A DATA frame without its samples. */
typedef struct {
    uint8_t n_channels;    /* 1 to 32 */
    uint8_t n_samples;     /* 1 to 64 */
    uint8_t format;        /* EDGEEMG_INT16, ... */
    uint8_t flags;         /* EDGEEMG_LOST_BEFORE or 0 */
    uint16_t boot_id;      /* as in INFO */
    uint32_t sample_index; /* of the first sample, counted when it was taken; turns at 2^32 */
    uint32_t time_us;      /* the sensor's clock at the first sample; turns at 2^32 */
    uint32_t off_mask;     /* bit n: electrode n was off during one of the samples */
} edgeemg_data;

/* An INFO frame: what the sensor is, and how it is. */
typedef struct {
    uint8_t n_channels, n_samples, format; /* of the DATA frames it sends */
    uint8_t flags;                         /* EDGEEMG_STREAMING or 0 */
    uint16_t boot_id;                      /* another one after each boot */
    uint32_t rate_mhz;                     /* thousandths of a sample a second */
    uint32_t scale_num, scale_den;         /* nanovolts a count, as a fraction */
    int32_t zero;                          /* the count of 0 microvolts */
    int32_t lowest, highest;               /* counts at these or beyond are the ends of the range */
    uint32_t overruns;                     /* samples taken and never sent, since boot */
    uint32_t time_us;                      /* the sensor's clock now */
    uint8_t major, minor, patch;           /* version of the firmware */
    char name[EDGEEMG_NAME_BYTES];         /* of the firmware, ASCII, NULs behind */
} edgeemg_info;

/* (n_samples x n_channels) counts, sample by sample -> a frame as it goes on the wire, delimiter
 * and all. A count beyond the format becomes the end of its range. Gives the number of bytes in
 * `wire`, which has room for EDGEEMG_DATA_WIRE_BYTES, or 0 where no receiver would take it. */
size_t edgeemg_write_data(const edgeemg_data *data, const int32_t *counts, uint8_t *wire);

/* The same for INFO: EDGEEMG_INFO_WIRE_BYTES, or 0. */
size_t edgeemg_write_info(const edgeemg_info *info, uint8_t *wire);

/* ---- Samples on their way from an interrupt to the main loop ---- */

/* One side puts, one side takes: an interrupt and the main loop, or two cores. Samples are counted
 * when they are put, so that a loss in here shows on the wire as a step of sample_index. */
typedef struct {
    uint8_t *memory;
    uint16_t block_bytes, boot_id;
    uint8_t n_blocks, n_channels, n_samples, format;
    volatile bool streaming; /* written by who takes */
    volatile uint8_t taken;  /* blocks, modulo 256: written by who takes */
    volatile uint8_t filled; /* the same, and all below, written by who puts */
    volatile uint32_t overruns;
    uint32_t next_index;
    uint32_t off_mask; /* of the block being filled */
    uint8_t in_block;  /* samples in it; 0: no block is begun */
    uint8_t lost_before;
} edgeemg_ring;

/* Begin at sample 0, not streaming.
 *   memory    EDGEEMG_RING_BYTES, for as long as the ring is used
 *   n_blocks  2, 4, 8 ... 128; a block is one DATA frame. 2 is a double buffer.
 *   info      the shape of a DATA frame is taken from it
 * false, and no ring, where n_blocks or the shape is none of these: EDGEEMG_ASSERT_RING tells the
 * compiler, where they are constants. */
bool edgeemg_ring_begin(edgeemg_ring *ring, uint8_t *memory, uint8_t n_blocks,
                        const edgeemg_info *info, uint16_t boot_id);

/* Who puts: one sample of each channel, also while nothing streams: the index counts all of them.
 * With no free block the sample is lost, and counted in `overruns`. */
void edgeemg_ring_put(edgeemg_ring *ring, const int32_t *counts, uint32_t off_mask,
                      uint32_t time_us);

/* Who takes: stream, or stop at the end of a block: the one being filled, or where samples were
 * just lost, the next one, which tells of them. */
void edgeemg_ring_stream(edgeemg_ring *ring, bool on);

/* Who takes: the oldest block as a frame for the wire. Gives the number of bytes in `wire`
 * (EDGEEMG_DATA_WIRE_BYTES), or 0 while no block is full. */
size_t edgeemg_ring_take(edgeemg_ring *ring, uint8_t *wire);

/* Who takes: INFO as it is now. boot_id, flags and overruns come from the ring, all else from
 * `facts`. Gives EDGEEMG_INFO_WIRE_BYTES, or 0 where `facts` make no sense. */
size_t edgeemg_write_report(const edgeemg_ring *ring, const edgeemg_info *facts, uint32_t time_us,
                            uint8_t *wire);

/* ---- The other end ---- */

/* Why what stood between two delimiters is no frame, in the order in which it is looked at. */
typedef enum {
    EDGEEMG_TAKEN = 0,
    EDGEEMG_BAD_COBS,
    EDGEEMG_BAD_LENGTH,
    EDGEEMG_BAD_CRC,
    EDGEEMG_BAD_VERSION,
    EDGEEMG_BAD_TYPE,
    EDGEEMG_BAD_FIELDS,
    EDGEEMG_MORE /* of edgeemg_reader_put: no delimiter yet */
} edgeemg_verdict;

/* A zeroed one is ready for use. */
typedef struct {
    uint8_t raw[EDGEEMG_MAX_RAW_BYTES + 1]; /* the last frame taken, until the next byte is put */
    size_t n_raw;                           /* bytes of it, CRC included */
    size_t held;                            /* bytes since the last delimiter, 255: too many */
} edgeemg_reader;

/* One byte from the line. EDGEEMG_TAKEN: `raw` holds a frame; EDGEEMG_BAD_...: one was refused. */
edgeemg_verdict edgeemg_reader_put(edgeemg_reader *reader, uint8_t byte);

/* A frame that was taken -> its fields; false for the other type. */
bool edgeemg_read_data(const uint8_t *raw, edgeemg_data *data);
bool edgeemg_read_info(const uint8_t *raw, edgeemg_info *info);

/* Count `at` of a DATA frame that was taken: sample * n_channels + channel. */
int32_t edgeemg_read_count(const uint8_t *raw, size_t at);

/* ---- Underneath ---- */

/* CRC-16/CCITT-FALSE: 0x29B1 for "123456789". */
uint16_t edgeemg_crc16(const uint8_t *bytes, size_t n_bytes);

/* Bytes without a zero, delimiter not included; `out` has room for n + n / 254 + 1. */
size_t edgeemg_cobs_encode(const uint8_t *bytes, size_t n_bytes, uint8_t *out);

/* What was encoded, into `out` (n_bytes of room, may be `bytes` itself); false where these bytes
 * are no COBS. */
bool edgeemg_cobs_decode(const uint8_t *bytes, size_t n_bytes, uint8_t *out, size_t *n_out);

#ifdef __cplusplus
}
#endif

#endif
