/* format.h - numbers as people read them. */
#ifndef KP_APP_FORMAT_H
#define KP_APP_FORMAT_H

#include <stddef.h>
#include <stdint.h>

#define KP_FORMAT_SIZE 32

/* "0.7 s", "0:12", "12:05", "1:02:05". */
const char *kp_format_duration(double seconds, char out[KP_FORMAT_SIZE]);

/* With a decimal prefix and three digits: kp_format_large(1.5e12, ...) is "1.50 T". */
const char *kp_format_large(double v, char out[KP_FORMAT_SIZE]);

#endif
