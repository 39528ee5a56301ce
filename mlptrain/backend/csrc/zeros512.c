/* zeros.c for processors with AVX-512, whose registers are twice as wide. */

#include "tiles.h"

#ifdef HAS_VECTORS

#define WIDTH 16
#define REGISTERS 8
#define EACH(of) of(6) of(7) of(8) of(9) of(10) of(11) of(12) of(13) of(14) of(15) of(16)
#define WITHOUT_ZEROS without_zeros_512

#pragma GCC push_options
#ifndef PORTABLE
#pragma GCC target("arch=x86-64-v4")
#endif
#include "zeros.h"
#pragma GCC pop_options

#endif
