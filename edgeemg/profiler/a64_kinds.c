/* A word of A64 machine code in; the kind of work that it does out.
 *
 * Encodings: Arm Architecture Reference Manual for A-profile, C4.1 "A64 instruction set encoding".
 * Rows are tried in order and the first that fits decides. A NEON product counts by what it is
 * made for in a network: `int8_multiply` is every integer product that is no dot product, of 8-bit
 * and of 16-bit lanes alike, since kernels widen before they multiply.
 */
#include <stdint.h>

/* in the order of KINDS in instruction_kinds.py */
enum kind {
    FLOAT_MULTIPLY_ADD,
    FLOAT_MULTIPLY_ADD_SCALAR,
    INT8_DOT,
    INT8_MULTIPLY,
    VECTOR_OTHER,
    LOAD_VECTOR,
    STORE_VECTOR,
    LOAD,
    STORE,
    BRANCH,
    OTHER
};

struct row {
    uint32_t mask;
    uint32_t value;
    enum kind kind;
};

static const struct row rows[] = {
    /* branches, exceptions and system: op0 = 101x */
    {0x1c000000, 0x14000000, BRANCH},

    /* scalar, three sources: FMADD FMSUB FNMADD FNMSUB */
    {0xff000000, 0x1f000000, FLOAT_MULTIPLY_ADD_SCALAR},
    /* three the same: FMLA FMLS; of half floats */
    {0xbf20fc00, 0x0e20cc00, FLOAT_MULTIPLY_ADD},
    {0xbf60fc00, 0x0e400c00, FLOAT_MULTIPLY_ADD},
    /* by element, vector and scalar: FMLA, FMLS */
    {0xbf00f400, 0x0f001000, FLOAT_MULTIPLY_ADD},
    {0xbf00f400, 0x0f005000, FLOAT_MULTIPLY_ADD},
    {0xff00f400, 0x5f001000, FLOAT_MULTIPLY_ADD_SCALAR},
    {0xff00f400, 0x5f005000, FLOAT_MULTIPLY_ADD_SCALAR},

    /* three the same, extra: SDOT UDOT, USDOT, SMMLA UMMLA, USMMLA */
    {0x9fe0fc00, 0x0e809400, INT8_DOT},
    {0xbfe0fc00, 0x0e809c00, INT8_DOT},
    {0xdfe0fc00, 0x4e80a400, INT8_DOT},
    {0xffe0fc00, 0x4e80ac00, INT8_DOT},
    /* by element: SDOT UDOT, USDOT, SUDOT */
    {0x9fc0f400, 0x0f80e000, INT8_DOT},
    {0xbfc0f400, 0x0f80f000, INT8_DOT},
    {0xbfc0f400, 0x0f00f000, INT8_DOT},

    /* three the same: MLA MLS, MUL, SQDMULH SQRDMULH; extra: SQRDMLAH SQRDMLSH */
    {0x9f20fc00, 0x0e209400, INT8_MULTIPLY},
    {0xbf20fc00, 0x0e209c00, INT8_MULTIPLY},
    {0x9f20fc00, 0x0e20b400, INT8_MULTIPLY},
    {0xbf20f400, 0x2e008400, INT8_MULTIPLY},
    /* three different: SMLAL SMLSL SMULL, unsigned too; SQDMLAL SQDMLSL SQDMULL */
    {0x9f20dc00, 0x0e208000, INT8_MULTIPLY},
    {0x9f20fc00, 0x0e20c000, INT8_MULTIPLY},
    {0xbf20dc00, 0x0e209000, INT8_MULTIPLY},
    {0xbf20fc00, 0x0e20d000, INT8_MULTIPLY},
    /* by element: MLA, MLS, MUL; SMLAL SMLSL SMULL and unsigned; SQD...; SQDMULH SQRDMULH */
    {0xbf00b400, 0x2f000000, INT8_MULTIPLY},
    {0xbf00f400, 0x0f008000, INT8_MULTIPLY},
    {0x9f00b400, 0x0f002000, INT8_MULTIPLY},
    {0x9f00f400, 0x0f00a000, INT8_MULTIPLY},
    {0xbf00b400, 0x0f003000, INT8_MULTIPLY},
    {0xbf00f400, 0x0f00b000, INT8_MULTIPLY},
    {0xbf00e400, 0x0f00c000, INT8_MULTIPLY},

    /* the rest of NEON and floating point: op0 = x111 */
    {0x0e000000, 0x0e000000, VECTOR_OTHER},

    /* loads and stores: op0 = x1x0; bit 26 tells the vector registers */
    {0xbe400000, 0x0c400000, LOAD_VECTOR},  /* LD1 to LD4 */
    {0xbe400000, 0x0c000000, STORE_VECTOR}, /* ST1 to ST4 */
    {0x3f000000, 0x1c000000, LOAD_VECTOR},  /* from a literal */
    {0x3f000000, 0x18000000, LOAD},
    {0x3e400000, 0x2c400000, LOAD_VECTOR}, /* pairs */
    {0x3e400000, 0x2c000000, STORE_VECTOR},
    {0x3e400000, 0x28400000, LOAD},
    {0x3e400000, 0x28000000, STORE},
    {0x3e400000, 0x3c400000, LOAD_VECTOR}, /* one register */
    {0x3e400000, 0x3c000000, STORE_VECTOR},
    {0x3f200c00, 0x38200000, LOAD}, /* atomic: reads, and writes back */
    {0x3ec00000, 0x38000000, STORE},
    {0x3e000000, 0x38000000, LOAD},
    {0x3f400000, 0x08400000, LOAD}, /* exclusive, acquire */
    {0x3f400000, 0x08000000, STORE},
    {0x3fc00000, 0x19000000, STORE}, /* release, unscaled */
    {0x0a000000, 0x08000000, LOAD},
};

int kind_of(uint32_t word)
{
    for (unsigned n = 0; n < sizeof rows / sizeof rows[0]; n++)
        if ((word & rows[n].mask) == rows[n].value)
            return (int)rows[n].kind;
    return OTHER;
}
