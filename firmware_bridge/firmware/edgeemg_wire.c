/* See edgeemg_wire.h, which is the manual. */
#include "edgeemg_wire.h"

#define MAX_PIECE_BYTES (EDGEEMG_MAX_RAW_BYTES + 1)
#define CRC_START 0xFFFFU
#define FULL_BLOCK 0xFFU /* code of 254 bytes without a zero behind them */

/* The bytes of a block must be there before the other side sees its number. */
#define BARRIER() __sync_synchronize()

/* ---- CRC and COBS, a byte at a time ---- */

static uint16_t crc_of(uint16_t crc, uint8_t byte) {
    /* eight steps of the polynomial 0x1021 in one; in bytes, since an AVR shifts bit by bit */
    uint8_t x = (uint8_t)((crc >> 8) ^ byte);
    x = (uint8_t)(x ^ (x >> 4));
    uint8_t high = (uint8_t)((crc & 0xFF) ^ (uint8_t)(x << 4) ^ (x >> 3));
    uint8_t low = (uint8_t)((uint8_t)(x << 5) ^ x);
    return (uint16_t)((uint16_t)high << 8 | low);
}

uint16_t edgeemg_crc16(const uint8_t *bytes, size_t n_bytes) {
    uint16_t crc = CRC_START;
    for (size_t at = 0; at < n_bytes; at++) crc = crc_of(crc, bytes[at]);
    return crc;
}

typedef struct {
    uint8_t *to, *code; /* where the next byte goes, and the code of the block that it is in */
    uint8_t length;     /* of that block, its code included */
    bool after_full;
} stuffing;

static stuffing stuffing_into(uint8_t *out) {
    stuffing wire = {out + 1, out, 1, false};
    return wire;
}

static void close_block(stuffing *wire) {
    *wire->code = wire->length;
    wire->code = wire->to++;
    wire->length = 1;
}

static void stuff(stuffing *wire, uint8_t byte) {
    wire->after_full = false;
    if (byte == 0) {
        close_block(wire);
        return;
    }
    *wire->to++ = byte;
    if (++wire->length < FULL_BLOCK) return;
    close_block(wire);
    wire->after_full = true;
}

/* Where the delimiter goes. */
static uint8_t *stuffed(stuffing *wire) {
    /* behind a full block that is the last, a code would announce nothing */
    if (!wire->after_full) close_block(wire);
    return wire->code;
}

size_t edgeemg_cobs_encode(const uint8_t *bytes, size_t n_bytes, uint8_t *out) {
    stuffing to = stuffing_into(out);
    for (size_t at = 0; at < n_bytes; at++) stuff(&to, bytes[at]);
    return (size_t)(stuffed(&to) - out);
}

bool edgeemg_cobs_decode(const uint8_t *bytes, size_t n_bytes, uint8_t *out, size_t *n_out) {
    size_t at = 0, to = 0;
    if (n_bytes == 0) return false;
    while (at < n_bytes) {
        uint8_t code = bytes[at];
        if (code == 0 || code > n_bytes - at) return false;
        size_t end = at + code;
        for (at++; at < end; at++) {
            if (bytes[at] == 0) return false;
            out[to++] = bytes[at];
        }
        if (code != FULL_BLOCK && at < n_bytes) out[to++] = 0;
    }
    *n_out = to;
    return true;
}

/* The rest of a frame: its CRC, COBS, the delimiter. */
static size_t seal(const uint8_t *body, size_t n_bytes, uint8_t *wire) {
    stuffing to = stuffing_into(wire);
    uint16_t crc = CRC_START;
    for (size_t at = 0; at < n_bytes; at++) {
        crc = crc_of(crc, body[at]);
        stuff(&to, body[at]);
    }
    stuff(&to, (uint8_t)(crc & 0xFF));
    stuff(&to, (uint8_t)(crc >> 8));
    uint8_t *end = stuffed(&to);
    *end = 0;
    return (size_t)(end - wire) + 1;
}

/* ---- Little-endian numbers ---- */

static void put_u16(uint8_t *to, uint16_t value) {
    to[0] = (uint8_t)(value & 0xFF);
    to[1] = (uint8_t)(value >> 8);
}

static void put_u32(uint8_t *to, uint32_t value) {
    put_u16(to, (uint16_t)(value & 0xFFFF));
    put_u16(to + 2, (uint16_t)(value >> 16));
}

static uint16_t get_u16(const uint8_t *from) {
    return (uint16_t)(from[0] | (uint16_t)from[1] << 8);
}

static uint32_t get_u32(const uint8_t *from) {
    return get_u16(from) | (uint32_t)get_u16(from + 2) << 16;
}

static int32_t as_signed(uint32_t bits) {
    /* a plain cast would be the compiler's choice */
    return bits > INT32_MAX ? -(int32_t)~bits - 1 : (int32_t)bits;
}

/* ---- Frames ---- */

static bool fits(uint8_t n_channels, uint8_t n_samples, uint8_t format) {
    if (n_channels < 1 || n_channels > EDGEEMG_MAX_CHANNELS) return false;
    if (n_samples < 1 || n_samples > EDGEEMG_MAX_SAMPLES) return false;
    if (format < EDGEEMG_INT16 || format > EDGEEMG_INT32) return false;
    return (size_t)n_channels * n_samples * (size_t)EDGEEMG_COUNT_BYTES(format) <=
           EDGEEMG_MAX_RAW_BYTES - EDGEEMG_CRC_BYTES - EDGEEMG_HEAD_BYTES;
}

static bool all_below(uint32_t off_mask, uint8_t n_channels) {
    return n_channels == EDGEEMG_MAX_CHANNELS || off_mask >> n_channels == 0;
}

static void put_head(const edgeemg_data *data, uint8_t *block) {
    block[0] = EDGEEMG_VERSION;
    block[1] = EDGEEMG_DATA;
    block[2] = data->n_channels;
    block[3] = data->n_samples;
    block[4] = data->format;
    block[5] = data->flags;
    put_u16(block + 6, data->boot_id);
    put_u32(block + 8, data->sample_index);
    put_u32(block + 12, data->time_us);
    put_u32(block + 16, data->off_mask);
}

static void put_count(uint8_t *to, int32_t count, uint8_t format) {
    /* a count that wrapped around would look like a good one; the end of the range does not */
    if (format == EDGEEMG_INT16) {
        if (count > INT16_MAX) count = INT16_MAX;
        if (count < INT16_MIN) count = INT16_MIN;
        put_u16(to, (uint16_t)((uint32_t)count & 0xFFFF));
        return;
    }
    if (format == EDGEEMG_INT32) {
        put_u32(to, (uint32_t)count);
        return;
    }
    if (count > 0x7FFFFF) count = 0x7FFFFF;
    if (count < -0x800000) count = -0x800000;
    put_u16(to, (uint16_t)((uint32_t)count & 0xFFFF));
    to[2] = (uint8_t)((uint32_t)count >> 16 & 0xFF);
}

static void put_counts(uint8_t *to, const int32_t *counts, size_t n, uint8_t format) {
    for (size_t at = 0; at < n; at++, to += EDGEEMG_COUNT_BYTES(format)) {
        put_count(to, counts[at], format);
    }
}

size_t edgeemg_write_data(const edgeemg_data *data, const int32_t *counts, uint8_t *wire) {
    uint8_t body[EDGEEMG_MAX_RAW_BYTES - EDGEEMG_CRC_BYTES];
    if (!fits(data->n_channels, data->n_samples, data->format)) return 0;
    if (data->flags & ~EDGEEMG_LOST_BEFORE) return 0;
    if (!all_below(data->off_mask, data->n_channels)) return 0;
    size_t n = (size_t)data->n_channels * data->n_samples;
    put_head(data, body);
    put_counts(body + EDGEEMG_HEAD_BYTES, counts, n, data->format);
    return seal(body, EDGEEMG_HEAD_BYTES + n * (size_t)EDGEEMG_COUNT_BYTES(data->format), wire);
}

static bool plausible(const edgeemg_info *info) {
    if (!fits(info->n_channels, info->n_samples, info->format)) return false;
    if (info->flags & ~EDGEEMG_STREAMING) return false;
    return info->rate_mhz && info->scale_num && info->scale_den && info->lowest < info->highest;
}

size_t edgeemg_write_info(const edgeemg_info *info, uint8_t *wire) {
    uint8_t body[EDGEEMG_INFO_RAW_BYTES - EDGEEMG_CRC_BYTES];
    if (!plausible(info)) return 0;
    body[0] = EDGEEMG_VERSION;
    body[1] = EDGEEMG_INFO;
    body[2] = info->n_channels;
    body[3] = info->n_samples;
    body[4] = info->format;
    body[5] = info->flags;
    put_u16(body + 6, info->boot_id);
    put_u32(body + 8, info->rate_mhz);
    put_u32(body + 12, info->scale_num);
    put_u32(body + 16, info->scale_den);
    put_u32(body + 20, (uint32_t)info->zero);
    put_u32(body + 24, (uint32_t)info->lowest);
    put_u32(body + 28, (uint32_t)info->highest);
    put_u32(body + 32, info->overruns);
    put_u32(body + 36, info->time_us);
    body[40] = info->major;
    body[41] = info->minor;
    body[42] = info->patch;
    body[43] = 0;
    for (size_t at = 0; at < EDGEEMG_NAME_BYTES; at++) body[44 + at] = (uint8_t)info->name[at];
    return seal(body, sizeof body, wire);
}

/* ---- The ring ---- */

bool edgeemg_ring_begin(edgeemg_ring *ring, uint8_t *memory, uint8_t n_blocks,
                        const edgeemg_info *info, uint16_t boot_id) {
    bool power_of_two = n_blocks >= 2 && (n_blocks & (n_blocks - 1)) == 0;
    if (!power_of_two || !fits(info->n_channels, info->n_samples, info->format)) return false;
    ring->memory = memory;
    ring->block_bytes =
        (uint16_t)EDGEEMG_BLOCK_BYTES(info->n_channels, info->n_samples, info->format);
    ring->n_blocks = n_blocks;
    ring->n_channels = info->n_channels;
    ring->n_samples = info->n_samples;
    ring->format = info->format;
    ring->boot_id = boot_id;
    ring->streaming = false;
    ring->taken = ring->filled = 0;
    ring->overruns = 0;
    ring->next_index = 0;
    ring->off_mask = 0;
    ring->in_block = 0;
    ring->lost_before = 0;
    return true;
}

static uint8_t *block_of(const edgeemg_ring *ring, uint8_t number) {
    return ring->memory + (size_t)(number & (ring->n_blocks - 1)) * ring->block_bytes;
}

static void begin_block(edgeemg_ring *ring, uint32_t index, uint32_t time_us) {
    edgeemg_data head;
    head.n_channels = ring->n_channels;
    head.n_samples = ring->n_samples;
    head.format = ring->format;
    head.flags = ring->lost_before;
    head.boot_id = ring->boot_id;
    head.sample_index = index;
    head.time_us = time_us;
    head.off_mask = 0;
    put_head(&head, block_of(ring, ring->filled));
    ring->lost_before = 0;
    ring->off_mask = 0;
}

void edgeemg_ring_put(edgeemg_ring *ring, const int32_t *counts, uint32_t off_mask,
                      uint32_t time_us) {
    uint32_t index = ring->next_index++;
    if (ring->in_block == 0) {
        /* a loss is told by the block behind it: a stream that ends in one needs one more */
        if (!ring->streaming && !ring->lost_before) return;
        if ((uint8_t)(ring->filled - ring->taken) == ring->n_blocks) {
            ring->overruns = ring->overruns + 1;
            ring->lost_before = EDGEEMG_LOST_BEFORE;
            return;
        }
        BARRIER();
        begin_block(ring, index, time_us);
    }
    uint8_t *block = block_of(ring, ring->filled);
    size_t sample_bytes = (size_t)ring->n_channels * (size_t)EDGEEMG_COUNT_BYTES(ring->format);
    put_counts(block + EDGEEMG_HEAD_BYTES + ring->in_block * sample_bytes, counts, ring->n_channels,
               ring->format);
    ring->off_mask |= off_mask;
    if (++ring->in_block < ring->n_samples) return;
    put_u32(block + 16, ring->off_mask);
    ring->in_block = 0;
    BARRIER();
    ring->filled = (uint8_t)(ring->filled + 1);
}

void edgeemg_ring_stream(edgeemg_ring *ring, bool on) { ring->streaming = on; }

size_t edgeemg_ring_take(edgeemg_ring *ring, uint8_t *wire) {
    uint8_t number = ring->taken;
    if (ring->filled == number) return 0;
    BARRIER();
    size_t n = seal(block_of(ring, number), ring->block_bytes, wire);
    BARRIER();
    ring->taken = (uint8_t)(number + 1);
    return n;
}

size_t edgeemg_write_report(const edgeemg_ring *ring, const edgeemg_info *facts, uint32_t time_us,
                            uint8_t *wire) {
    edgeemg_info info = *facts;
    uint32_t again;
    /* four bytes on an 8-bit machine: an interrupt may come between two of them */
    do {
        info.overruns = ring->overruns;
        again = ring->overruns;
    } while (info.overruns != again);
    info.flags = ring->streaming ? EDGEEMG_STREAMING : 0;
    info.boot_id = ring->boot_id;
    info.time_us = time_us;
    return edgeemg_write_info(&info, wire);
}

/* ---- The other end ---- */

static edgeemg_verdict check_data(const uint8_t *raw, size_t n) {
    uint8_t n_channels = raw[2], n_samples = raw[3], format = raw[4];
    if (n_channels < 1 || n_channels > EDGEEMG_MAX_CHANNELS) return EDGEEMG_BAD_FIELDS;
    if (n_samples < 1 || n_samples > EDGEEMG_MAX_SAMPLES) return EDGEEMG_BAD_FIELDS;
    if (format < EDGEEMG_INT16 || format > EDGEEMG_INT32) return EDGEEMG_BAD_FIELDS;
    if (raw[5] & ~EDGEEMG_LOST_BEFORE) return EDGEEMG_BAD_FIELDS;
    if (!all_below(get_u32(raw + 16), n_channels)) return EDGEEMG_BAD_FIELDS;
    size_t wanted = (size_t)EDGEEMG_HEAD_BYTES + EDGEEMG_CRC_BYTES +
                    (size_t)n_channels * n_samples * (size_t)EDGEEMG_COUNT_BYTES(format);
    return n == wanted ? EDGEEMG_TAKEN : EDGEEMG_BAD_LENGTH;
}

static edgeemg_verdict check_info(const uint8_t *raw, size_t n) {
    edgeemg_info info;
    if (n != EDGEEMG_INFO_RAW_BYTES) return EDGEEMG_BAD_LENGTH;
    edgeemg_read_info(raw, &info);
    return plausible(&info) && raw[43] == 0 ? EDGEEMG_TAKEN : EDGEEMG_BAD_FIELDS;
}

static edgeemg_verdict check(const uint8_t *raw, size_t n) {
    if (n < EDGEEMG_HEAD_BYTES + 4 || n > EDGEEMG_MAX_RAW_BYTES) return EDGEEMG_BAD_LENGTH;
    if (edgeemg_crc16(raw, n - EDGEEMG_CRC_BYTES) != get_u16(raw + n - EDGEEMG_CRC_BYTES)) {
        return EDGEEMG_BAD_CRC;
    }
    if (raw[0] != EDGEEMG_VERSION) return EDGEEMG_BAD_VERSION;
    if (raw[1] == EDGEEMG_DATA) return check_data(raw, n);
    if (raw[1] == EDGEEMG_INFO) return check_info(raw, n);
    return EDGEEMG_BAD_TYPE;
}

edgeemg_verdict edgeemg_reader_put(edgeemg_reader *reader, uint8_t byte) {
    if (byte != 0) {
        if (reader->held < MAX_PIECE_BYTES) reader->raw[reader->held] = byte;
        if (reader->held <= MAX_PIECE_BYTES) reader->held++;
        return EDGEEMG_MORE;
    }
    size_t held = reader->held;
    reader->held = 0;
    reader->n_raw = 0;
    if (held == 0) return EDGEEMG_MORE; /* two delimiters in a row are no frame and no fault */
    if (held > MAX_PIECE_BYTES) return EDGEEMG_BAD_LENGTH;
    size_t n;
    if (!edgeemg_cobs_decode(reader->raw, held, reader->raw, &n)) return EDGEEMG_BAD_COBS;
    edgeemg_verdict verdict = check(reader->raw, n);
    if (verdict == EDGEEMG_TAKEN) reader->n_raw = n;
    return verdict;
}

bool edgeemg_read_data(const uint8_t *raw, edgeemg_data *data) {
    if (raw[1] != EDGEEMG_DATA) return false;
    data->n_channels = raw[2];
    data->n_samples = raw[3];
    data->format = raw[4];
    data->flags = raw[5];
    data->boot_id = get_u16(raw + 6);
    data->sample_index = get_u32(raw + 8);
    data->time_us = get_u32(raw + 12);
    data->off_mask = get_u32(raw + 16);
    return true;
}

bool edgeemg_read_info(const uint8_t *raw, edgeemg_info *info) {
    if (raw[1] != EDGEEMG_INFO) return false;
    info->n_channels = raw[2];
    info->n_samples = raw[3];
    info->format = raw[4];
    info->flags = raw[5];
    info->boot_id = get_u16(raw + 6);
    info->rate_mhz = get_u32(raw + 8);
    info->scale_num = get_u32(raw + 12);
    info->scale_den = get_u32(raw + 16);
    info->zero = as_signed(get_u32(raw + 20));
    info->lowest = as_signed(get_u32(raw + 24));
    info->highest = as_signed(get_u32(raw + 28));
    info->overruns = get_u32(raw + 32);
    info->time_us = get_u32(raw + 36);
    info->major = raw[40];
    info->minor = raw[41];
    info->patch = raw[42];
    for (size_t at = 0; at < EDGEEMG_NAME_BYTES; at++) info->name[at] = (char)raw[44 + at];
    return true;
}

int32_t edgeemg_read_count(const uint8_t *raw, size_t at) {
    uint8_t format = raw[4];
    const uint8_t *from = raw + EDGEEMG_HEAD_BYTES + at * (size_t)EDGEEMG_COUNT_BYTES(format);
    if (format == EDGEEMG_INT32) return as_signed(get_u32(from));
    if (format == EDGEEMG_INT16) return get_u16(from) - ((from[1] & 0x80) ? 0x10000 : 0);
    return as_signed(get_u16(from) | (uint32_t)from[2] << 16) - ((from[2] & 0x80) ? 0x1000000 : 0);
}
