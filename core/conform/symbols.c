/* symbols.c - what a shared object shows to others, read from its file. */
#include "conform/symbols.h"

#include "base/file.h"

#include <elf.h>
#include <string.h>

/* `count` elements of `size` bytes at an offset of the file; NULL if they are not in it. */
static const void *piece(const struct kp_mapping *m, uint64_t offset, uint64_t count, size_t size)
{
    if (offset > m->size || offset % 8 != 0 || count > (m->size - offset) / size)
        return NULL;
    return m->bytes + offset;
}

static bool is_shared_object(const struct kp_mapping *m)
{
    const Elf64_Ehdr *head = piece(m, 0, 1, sizeof(*head));

    return head && memcmp(head->e_ident, ELFMAG, SELFMAG) == 0 &&
           head->e_ident[EI_CLASS] == ELFCLASS64 && head->e_ident[EI_DATA] == ELFDATA2LSB &&
           head->e_type == ET_DYN && head->e_shentsize == sizeof(Elf64_Shdr);
}

static bool is_exported(const Elf64_Sym *s)
{
    const unsigned bind = ELF64_ST_BIND(s->st_info);
    const unsigned seen = ELF64_ST_VISIBILITY(s->st_other);

    return s->st_shndx != SHN_UNDEF && (bind == STB_GLOBAL || bind == STB_WEAK) &&
           (seen == STV_DEFAULT || seen == STV_PROTECTED);
}

static bool add_names(const struct kp_mapping *m, const Elf64_Shdr *table,
                      const Elf64_Shdr *strings, const char *allowed, struct kp_text *out)
{
    const uint64_t count = table->sh_size / sizeof(Elf64_Sym);
    const Elf64_Sym *symbol = piece(m, table->sh_offset, count, sizeof(*symbol));
    const char *names = strings->sh_offset <= m->size &&
                                strings->sh_size <= m->size - strings->sh_offset &&
                                strings->sh_size > 0
                            ? (const char *)m->bytes + strings->sh_offset
                            : NULL;

    if (!symbol || !names || names[strings->sh_size - 1] != '\0')
        return false;
    for (uint64_t i = 0; i < count; i++) {
        if (!is_exported(&symbol[i]))
            continue;
        if (symbol[i].st_name >= strings->sh_size)
            return false;
        if (strcmp(names + symbol[i].st_name, allowed) != 0)
            kp_text_addf(out, "%s%s", out->length > 0 ? " " : "", names + symbol[i].st_name);
    }
    return true;
}

static bool read_tables(const struct kp_mapping *m, const char *allowed, struct kp_text *out)
{
    const Elf64_Ehdr *head = (const void *)m->bytes;
    const Elf64_Shdr *section = piece(m, head->e_shoff, head->e_shnum, sizeof(*section));

    if (!section)
        return false;
    for (unsigned i = 0; i < head->e_shnum; i++)
        if (section[i].sh_type == SHT_DYNSYM)
            return section[i].sh_link < head->e_shnum &&
                   add_names(m, &section[i], &section[section[i].sh_link], allowed, out);
    return false;
}

enum kp_status kp_symbols_exported(const char *path, const char *allowed, struct kp_text *out,
                                   struct kp_error *e)
{
    struct kp_mapping m = {0};
    enum kp_status st = kp_file_map(path, &m, e);

    if (st != KP_OK)
        return st;
    if (!is_shared_object(&m))
        st = kp_fail(e, KP_E_FORMAT, "%s: no shared object of 64 bits", path);
    else if (!read_tables(&m, allowed, out))
        st = kp_fail(e, KP_E_FORMAT, "%s: its table of symbols is missing or damaged", path);
    else if (out->failed)
        st = kp_fail(e, KP_E_NOMEM, "out of memory");
    kp_file_unmap(&m);
    return st;
}
