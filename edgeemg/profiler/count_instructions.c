/* A qemu plugin: guest instructions and guest memory, written down at the guest's own marks.
 *
 * The guest makes a mark with getpriority(0x454d47, LABEL), which every kernel refuses and which
 * costs nothing else. For each mark one line goes to the file named by `out=`:
 *
 *     LABEL PEAK_BYTES INSTRUCTIONS...
 *
 * INSTRUCTIONS  executed by the guest since its start, all threads, exact, one number a kind
 *               (a64_kinds.c): every translated block counts how often it is entered, and what it
 *               holds was read when it was translated.
 * PEAK_BYTES    the most guest memory that was resident at once so far: the pages that lie where
 *               qemu puts the guest's own memory, without qemu's. Resident memory only falls in
 *               the system calls below, so looking just before each of them misses no peak.
 *
 * Plugin interface version 1 (up to qemu 8); see qemu's docs/devel/tcg-plugins.rst. The
 * declarations are here because Debian's qemu-user ships no header.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

typedef uint64_t qemu_plugin_id_t;
typedef struct qemu_info_t qemu_info_t;
struct qemu_plugin_tb;
struct qemu_plugin_insn;
enum qemu_plugin_op { QEMU_PLUGIN_INLINE_ADD_U64 };

typedef void (*translated_cb)(qemu_plugin_id_t, struct qemu_plugin_tb *);
typedef void (*syscall_cb)(qemu_plugin_id_t, unsigned int, int64_t, uint64_t, uint64_t, uint64_t,
                           uint64_t, uint64_t, uint64_t, uint64_t, uint64_t);

extern void qemu_plugin_register_vcpu_tb_trans_cb(qemu_plugin_id_t, translated_cb);
extern void qemu_plugin_register_vcpu_syscall_cb(qemu_plugin_id_t, syscall_cb);
extern void qemu_plugin_register_vcpu_tb_exec_inline(struct qemu_plugin_tb *, enum qemu_plugin_op,
                                                     void *, uint64_t);
extern size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *);
extern struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *, size_t);
extern uint64_t qemu_plugin_insn_vaddr(const struct qemu_plugin_insn *);
extern void *qemu_plugin_insn_haddr(const struct qemu_plugin_insn *);
extern const void *qemu_plugin_insn_data(const struct qemu_plugin_insn *);

extern int kind_of(uint32_t word); /* a64_kinds.c */
enum { KINDS = 11 };

#define EXPORTED __attribute__((visibility("default")))
EXPORTED int qemu_plugin_version = 1;

/* Linux, include/uapi/asm-generic/unistd.h */
enum {
    SYS_EXIT_GROUP = 94,
    SYS_GETPRIORITY = 141,
    SYS_BRK = 214,
    SYS_MUNMAP = 215,
    SYS_MREMAP = 216,
    SYS_MMAP = 222,
    SYS_MADVISE = 233
};
enum { MARK = 0x454d47 };                     /* "EMG" */
#define GUEST_SPAN ((uint64_t)1 << 40)        /* qemu maps aarch64 guests below this */
#define SLACK_BYTES (128 * 1024)              /* a rise below this is not worth a look */

static FILE *out;

struct block {
    uint64_t entered;
    struct block *next;
    uint16_t kinds[KINDS]; /* instructions; qemu ends a block after 512 */
};
static struct block *blocks;
static uint64_t guest_base;
static bool guest_base_known;
static uint64_t peak_bytes;
static uint64_t bound_bytes; /* of the whole process; below it the guest cannot be at a new peak */

/* Resident bytes of the whole process, qemu included; 0 where they cannot be read. */
static uint64_t process_bytes(void)
{
    unsigned long size, resident;
    FILE *statm = fopen("/proc/self/statm", "r");
    if (!statm)
        return 0;
    int fields = fscanf(statm, "%lu %lu", &size, &resident);
    fclose(statm);
    return fields == 2 ? (uint64_t)resident * (uint64_t)sysconf(_SC_PAGESIZE) : 0;
}

/* Resident bytes of the guest's own mappings. */
static uint64_t guest_bytes(void)
{
    char line[512];
    uint64_t total = 0;
    bool is_guest = false;
    FILE *smaps = fopen("/proc/self/smaps", "r");
    if (!smaps)
        return 0;
    while (fgets(line, sizeof line, smaps)) {
        unsigned long first, last, kib;
        if (sscanf(line, "%lx-%lx ", &first, &last) == 2)
            is_guest = first >= guest_base && last <= guest_base + GUEST_SPAN;
        else if (is_guest && sscanf(line, "Rss: %lu kB", &kib) == 1)
            total += (uint64_t)kib * 1024;
    }
    fclose(smaps);
    return total;
}

/* qemu's own share only grows, so the guest is at a new peak only where the process is above
 * guest peak + qemu's share as last seen. That spares nearly all of the costly looks. */
static void look(void)
{
    uint64_t process = process_bytes();
    if (process <= bound_bytes + SLACK_BYTES)
        return;
    uint64_t guest = guest_bytes();
    if (guest > peak_bytes)
        peak_bytes = guest;
    bound_bytes = peak_bytes + (process - guest);
}

static void translated(qemu_plugin_id_t id, struct qemu_plugin_tb *block)
{
    (void)id;
    if (!guest_base_known) {
        struct qemu_plugin_insn *first = qemu_plugin_tb_get_insn(block, 0);
        guest_base = (uint64_t)(uintptr_t)qemu_plugin_insn_haddr(first) - qemu_plugin_insn_vaddr(first);
        guest_base_known = true;
    }
    struct block *own = calloc(1, sizeof *own);
    if (!own)
        abort();
    for (size_t n = 0; n < qemu_plugin_tb_n_insns(block); n++) {
        uint32_t word; /* little-endian, as the host */
        memcpy(&word, qemu_plugin_insn_data(qemu_plugin_tb_get_insn(block, n)), sizeof word);
        own->kinds[kind_of(word)]++;
    }
    do
        own->next = __atomic_load_n(&blocks, __ATOMIC_ACQUIRE);
    while (!__sync_bool_compare_and_swap(&blocks, own->next, own));
    qemu_plugin_register_vcpu_tb_exec_inline(block, QEMU_PLUGIN_INLINE_ADD_U64, &own->entered, 1);
}

static void write_mark(uint64_t label)
{
    uint64_t executed[KINDS] = {0};
    for (const struct block *one = __atomic_load_n(&blocks, __ATOMIC_ACQUIRE); one; one = one->next)
        for (int kind = 0; kind < KINDS; kind++)
            executed[kind] += one->entered * one->kinds[kind];
    fprintf(out, "%llu %llu", (unsigned long long)label, (unsigned long long)peak_bytes);
    for (int kind = 0; kind < KINDS; kind++)
        fprintf(out, " %llu", (unsigned long long)executed[kind]);
    fputc('\n', out);
    fflush(out);
}

static void syscalled(qemu_plugin_id_t id, unsigned int vcpu, int64_t number, uint64_t a1,
                      uint64_t a2, uint64_t a3, uint64_t a4, uint64_t a5, uint64_t a6, uint64_t a7,
                      uint64_t a8)
{
    (void)id, (void)vcpu, (void)a3, (void)a4, (void)a5, (void)a6, (void)a7, (void)a8;
    switch (number) {
    case SYS_BRK:
    case SYS_MUNMAP:
    case SYS_MREMAP:
    case SYS_MMAP:
    case SYS_MADVISE:
    case SYS_EXIT_GROUP:
        look();
        break;
    case SYS_GETPRIORITY:
        if (a1 != MARK)
            break;
        look();
        write_mark(a2);
        break;
    }
}

EXPORTED int qemu_plugin_install(qemu_plugin_id_t id, const qemu_info_t *info, int argc, char **argv)
{
    (void)info;
    for (int n = 0; n < argc; n++)
        if (strncmp(argv[n], "out=", 4) == 0)
            out = fopen(argv[n] + 4, "w");
    if (!out)
        return -1;
    /* a host that hands out 2 MiB pages would make the guest look larger than a board does */
    prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);
    qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
    qemu_plugin_register_vcpu_syscall_cb(id, syscalled);
    return 0;
}
