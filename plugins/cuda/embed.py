"""embed.py IMAGE KERNEL HEADER - a compiled image of row functions as a C header, which a plugin is
compiled with: -include HEADER -DKP_ROW_IMAGE='&kp_row_image_here'."""

import sys


def main():
    image, kernel, header = sys.argv[1:]
    with open(image, "rb") as file:
        data = file.read()
    lines = [
        ", ".join(str(byte) for byte in data[at : at + 24]) for at in range(0, len(data), 24)
    ]
    with open(header, "w", encoding="ascii") as file:
        file.write(
            '#include "kappa/row.h"\n'
            "static const unsigned char kp_row_image_bytes[] __attribute__((aligned(64))) = {\n"
            + ",\n".join(lines)
            + "};\n"
            "static const struct kp_row_image kp_row_image_here = {\n"
            "    sizeof(struct kp_row_image), kp_row_image_bytes, sizeof(kp_row_image_bytes),\n"
            f'    "{kernel}"}};\n'
        )


main()
