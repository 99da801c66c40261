/* abi.h - what must match between kappa and a plugin before either runs. */
#ifndef KAPPA_ABI_H
#define KAPPA_ABI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
#define KP_EXTERN_C extern "C"
#else
#define KP_EXTERN_C extern
#endif

#define KP_EXPORT            __attribute__((visibility("default")))
#define KP_NODISCARD         __attribute__((warn_unused_result))
#define KP_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))

/* The major grows when a public struct, table or meaning changes incompatibly; it is part of the
 * entry symbol's name. The minor grows when something is appended. A host loads a plugin of its own
 * major whose minor is not above its own. */
#define KP_ABI_MAJOR 1
#define KP_ABI_MINOR 2

/* "KAPP", little-endian: tells a kappa manifest from any other data symbol. */
#define KP_ABI_MAGIC 0x5050414bu

/* First member of every manifest. */
struct kp_abi {
    uint32_t magic;
    uint32_t size; /* bytes of struct kp_plugin as the plugin was compiled */
    uint16_t major;
    uint16_t minor;
    uint32_t pointer_size;
};

/* True if a table or definition of the other side is long enough to hold `field`. */
#define KP_HAS(table, field) \
    ((table)->size >= offsetof(__typeof__(*(table)), field) + sizeof((table)->field))

#endif
