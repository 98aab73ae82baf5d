#include "standard/keys.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

enum {
    BLOCK = 256,     /* keys allocated at once: entries never move */
    SLOTS_MIN = 256, /* a power of 2 */
    PROBES_MAX = 64, /* a file made up to collide finds the table full, not slow */
    KEYS_MAX = 1 << 30,
    INLINE_LENGTH = 32, /* a longer text stands in the key by its hash */
};

/* ---- Texts ---- */

static void add_bytes(struct key_text *t, const void *bytes, size_t length)
{
    if (length > sizeof t->bytes - t->length)
        length = sizeof t->bytes - t->length;
    memcpy(t->bytes + t->length, bytes, length);
    t->length += length;
}

void key_text_begin(struct key_text *t, uint8_t rule, uint8_t part)
{
    t->bytes[0] = rule;
    t->bytes[1] = part;
    t->length = 2;
}

void key_text_add(struct key_text *t, const struct scanned_item *item)
{
    uint8_t length = item->length <= INLINE_LENGTH ? (uint8_t)item->length : UINT8_MAX;
    add_bytes(t, &length, 1);
    if (length != UINT8_MAX) {
        add_bytes(t, item->text, item->length);
        return;
    }
    XXH128_hash_t hash = XXH3_128bits(item->text, item->length);
    add_bytes(t, &hash, sizeof hash);
}

void key_text_hash(const struct key_text *t, uint64_t hash[2])
{
    XXH128_hash_t h = XXH3_128bits(t->bytes, t->length);
    hash[0] = h.low64;
    hash[1] = h.high64;
}

/* ---- The table ---- */

struct key *keys_at(const struct keys *k, size_t i)
{
    return &k->blocks[i / BLOCK][i % BLOCK];
}

size_t keys_place(const struct keys *k, const struct key *key)
{
    size_t block = k->n_blocks; /* most are asked for while they are new */
    while (block-- > 0) {
        uintptr_t first = (uintptr_t)k->blocks[block], at = (uintptr_t)key;
        if (at >= first && at < first + BLOCK * sizeof *key)
            return block * BLOCK + (at - first) / sizeof *key;
    }
    return 0;
}

/* A slot holds an index + 1, which is less than the number of slots, and above it bits of the hash, so that
 * few keys are looked at in vain. */
static uint32_t slot_tag(const struct keys *k, const uint64_t hash[2])
{
    return (uint32_t)hash[1] & ~(uint32_t)(k->n_slots - 1);
}

static struct key *slot_key(const struct keys *k, uint32_t slot)
{
    return keys_at(k, (slot & (uint32_t)(k->n_slots - 1)) - 1);
}

/* The slot with the key or the free one where it goes, at most `probes` from its place; NULL: none. */
static uint32_t *slot_find(const struct keys *k, const uint64_t hash[2], size_t probes)
{
    size_t mask = k->n_slots - 1, at = (size_t)hash[0] & mask;
    uint32_t tag = slot_tag(k, hash);
    for (size_t i = 0; i < probes; i++, at = (at + 1) & mask) {
        uint32_t *slot = &k->slots[at];
        if (*slot == 0)
            return slot;
        if ((*slot & ~(uint32_t)mask) != tag)
            continue;
        const struct key *key = slot_key(k, *slot);
        if (key->hash[0] == hash[0] && key->hash[1] == hash[1])
            return slot;
    }
    return NULL;
}

/* Places of a key may be further from home than before: they all stay within reach. */
static void slots_fill(struct keys *k)
{
    k->reach = PROBES_MAX;
    for (size_t i = 0; i < k->n; i++) {
        const uint64_t *hash = keys_at(k, i)->hash;
        uint32_t *slot = slot_find(k, hash, k->n_slots);
        size_t distance = (size_t)(slot - k->slots) - ((size_t)hash[0] & (k->n_slots - 1));
        distance &= k->n_slots - 1;
        if (distance >= k->reach)
            k->reach = distance + 1;
        *slot = slot_tag(k, hash) | (uint32_t)(i + 1);
    }
}

static int slots_grow(struct keys *k)
{
    size_t n = k->n_slots ? k->n_slots * 2 : SLOTS_MIN;
    uint32_t *slots = calloc(n, sizeof *slots);
    if (!slots)
        return -ENOMEM;
    free(k->slots);
    k->slots = slots;
    k->n_slots = n;
    slots_fill(k);
    return 0;
}

static int block_add(struct keys *k)
{
    struct key **blocks = reallocarray(k->blocks, k->n_blocks + 1, sizeof(struct key *));
    if (!blocks)
        return -ENOMEM;
    k->blocks = blocks;
    k->blocks[k->n_blocks] = malloc(BLOCK * sizeof(struct key));
    if (!k->blocks[k->n_blocks])
        return -ENOMEM;
    k->n_blocks++;
    return 0;
}

enum key_found keys_put(struct keys *k, const uint64_t hash[2], struct key **key)
{
    if (k->n * 2 >= k->n_slots && *k->left && slots_grow(k) < 0)
        return KEY_NO_MEMORY;
    uint32_t *slot = k->n_slots ? slot_find(k, hash, k->reach) : NULL;
    if (slot && *slot) {
        *key = slot_key(k, *slot);
        return KEY_KNOWN;
    }
    if (!slot || *k->left == 0 || k->n == KEYS_MAX)
        return KEY_FULL;
    if (k->n == k->n_blocks * BLOCK && block_add(k) < 0)
        return KEY_NO_MEMORY;
    *key = keys_at(k, k->n++);
    **key = (struct key){.hash = {hash[0], hash[1]}};
    *slot = slot_tag(k, hash) | (uint32_t)k->n;
    --*k->left;
    return KEY_NEW;
}

void keys_prefetch(const struct keys *k, const uint64_t hash[2])
{
    if (k->n_slots)
        __builtin_prefetch(&k->slots[(size_t)hash[0] & (k->n_slots - 1)]);
}

void keys_clear(struct keys *k)
{
    if (k->n_slots)
        memset(k->slots, 0, k->n_slots * sizeof *k->slots);
    *k->left += k->n;
    k->n = 0;
    while (k->n_blocks)
        free(k->blocks[--k->n_blocks]);
}

void keys_free(struct keys *k)
{
    for (size_t i = 0; i < k->n_blocks; i++)
        free(k->blocks[i]);
    free(k->blocks);
    free(k->slots);
    *k = (struct keys){0};
}
