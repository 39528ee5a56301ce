/* The kernels for float64. */

#define FLOAT64

#include "batches.c"
#include "functions.c"
#include "losses.c"
#include "optimizers.c"
#include "products.c"
