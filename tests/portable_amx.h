/* The AMX instructions of csrc/amx.h as C, after the operations in Intel's manual, volume 2: eight
   registers of 16 rows of 16 lanes, which can be used only while they are configured like that. */

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    uint32_t lane[16][16];
} tile_register;

static _Thread_local tile_register registers[8];
static _Thread_local int are_configured;

static tile_register *configured(int number) {
    if (!are_configured)
        abort();
    return registers + number;
}

static void _tile_loadconfig(const void *shapes) {
    uint16_t bytes[8];
    const unsigned char *rows = (const unsigned char *)shapes + 48;
    memcpy(bytes, (const char *)shapes + 16, sizeof bytes);
    are_configured = *(const unsigned char *)shapes == 1;
    for (int i = 0; i < 8; i++)
        are_configured &= bytes[i] == 64 && rows[i] == 16;
}

static void _tile_release(void) { are_configured = 0; }

static void _tile_zero(int number) { memset(configured(number), 0, sizeof(tile_register)); }

static void _tile_loadd(int number, const void *from, long stride) {
    for (int i = 0; i < 16; i++)
        memcpy(configured(number)->lane[i], (const char *)from + i * stride, 64);
}

static void _tile_stored(int number, void *to, long stride) {
    for (int i = 0; i < 16; i++)
        memcpy((char *)to + i * stride, configured(number)->lane[i], 64);
}

static float upper_half(uint32_t bits) {
    float x;
    bits &= 0xffff0000;
    memcpy(&x, &bits, sizeof x);
    return x;
}

static void _tile_dpbf16ps(int c, int a, int b) {
    for (int m = 0; m < 16; m++)
        for (int n = 0; n < 16; n++) {
            float even = 0, odd = 0, sum;
            for (int k = 0; k < 16; k++) {
                uint32_t x = configured(a)->lane[m][k], y = configured(b)->lane[k][n];
                even += upper_half(x << 16) * upper_half(y << 16);
                odd += upper_half(x) * upper_half(y);
            }
            memcpy(&sum, &configured(c)->lane[m][n], sizeof sum);
            sum += even + odd;
            memcpy(&configured(c)->lane[m][n], &sum, sizeof sum);
        }
}
