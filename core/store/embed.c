/* embed.c - build tool: writes a text file as the C array kp_schema_sql. */
#include <stdio.h>

int main(int argc, char **argv)
{
    FILE *in = argc == 3 ? fopen(argv[1], "rb") : NULL;
    FILE *out = in ? fopen(argv[2], "wb") : NULL;
    int c, column = 0;

    if (!in || !out) {
        (void)fprintf(stderr, "usage: embed TEXT OUTPUT.c\n");
        if (in)
            (void)fclose(in);
        return 1;
    }
    (void)fprintf(out, "#include \"store/schema.h\"\n\nconst char kp_schema_sql[] = {\n");
    while ((c = fgetc(in)) != EOF)
        (void)fprintf(out, "%d,%s", c, ++column % 24 == 0 ? "\n" : "");
    (void)fprintf(out, "0};\n");
    int failed = ferror(in) | ferror(out);
    (void)fclose(in);
    return fclose(out) != 0 || failed;
}
