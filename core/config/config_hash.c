/* config_hash.c - the three hashes of a configuration.
 *
 * Computed piece by piece, without memory of its own: a hash must not depend on luck. */
#include "config/config.h"

#include <sha2.h>
#include <stdio.h>
#include <string.h>

static void add(SHA2_CTX *h, const char *s)
{
    SHA256Update(h, (const uint8_t *)s, strlen(s));
}

static bool has_prefix(const char *s, const char *prefix)
{
    return strncmp(s, prefix, strlen(prefix)) == 0;
}

static bool in_pair(const char *key)
{
    return !has_prefix(key, "objective.") && !has_prefix(key, "teacher.");
}

static bool in_group(const char *key)
{
    return strcmp(key, "seed.master") != 0;
}

static bool in_all(const char *key)
{
    return *key != '\0';
}

/* identity: what enters, NULL for a reference that does not. */
static void digest(const struct kp_config *c, const char *const identity[KP_REFERENCES],
                   bool (*wanted)(const char *key), char out[KP_HASH_SIZE])
{
    SHA2_CTX h;
    char m[64];

    SHA256Init(&h);
    for (int64_t i = 0; i < c->count; i++) {
        const struct kp_setting *s = &c->settings[i];
        if (s->hashed && wanted(s->key)) {
            add(&h, s->key);
            add(&h, "=");
            add(&h, s->text);
            add(&h, "\n");
        }
    }
    (void)snprintf(m, sizeof(m), "data.m=%lld\n", (long long)c->m);
    add(&h, m);
    if (c->dataset) {
        add(&h, "data.version=");
        add(&h, c->dataset->version);
        add(&h, "\n");
    }
    for (int i = 0; i < KP_REFERENCES; i++) {
        if (!identity[i])
            continue;
        add(&h, kp_reference_names[i]);
        add(&h, "=");
        add(&h, identity[i]);
        add(&h, "\n");
    }
    (void)SHA256End(&h, out);
}

void kp_config_hash(const struct kp_config *c, const char *const identity[KP_REFERENCES],
                    struct kp_hashes *out)
{
    bool shares_init = c->core.seed.init && strcmp(c->core.seed.init, "teacher") == 0;
    const char *known[KP_REFERENCES], *paired[KP_REFERENCES];

    for (int i = 0; i < KP_REFERENCES; i++) {
        bool enters =
            i == KP_REFERENCE_TEACHER ? c->needs_teacher : kp_weights_ref_given(&c->reference[i]);
        known[i] = !enters ? NULL : identity[i] ? identity[i] : "";
        paired[i] = i == KP_REFERENCE_TEACHER && !shares_init ? NULL : known[i];
    }
    digest(c, known, in_all, out->config);
    digest(c, paired, in_pair, out->pair);
    digest(c, known, in_group, out->group);
}
