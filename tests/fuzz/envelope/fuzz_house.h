/* What the envelope's fuzz targets share: people made at the start, and a trust whose certificates lie in the
 * tree, so that the signed objects of the corpus verify. */
#ifndef FUZZ_HOUSE_H
#define FUZZ_HOUSE_H

#include "parcel.h"

/* Made once. */
const struct house *fuzz_house(void);
/* The trust that the corpus was signed under, and the time at which it is judged. */
const struct trust *fuzz_trust(void);
extern const int64_t fuzz_time;

/* A refusal must have a number, a code and one line of text; aborts else. */
void fuzz_judge(int r, const struct error *e);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
