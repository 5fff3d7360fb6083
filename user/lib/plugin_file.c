// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
#include "plugin_file.h"

#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* libbpf's print function has no context: one object at a time. */
static libbpf_print_fn_t print_before;
static char complaint[256];

static int __attribute__((format(printf, 2, 0))) keep_complaint(enum libbpf_print_level level,
								const char *fmt, va_list ap)
{
	char *text, *begin;

	if (level != LIBBPF_WARN || *complaint || vasprintf(&text, fmt, ap) < 0)
		return 0;
	begin = strncmp(text, "libbpf: ", 8) ? text : text + 8;
	snprintf(complaint, sizeof(complaint), "%.*s", (int)strcspn(begin, "\n"), begin);
	free(text);
	return 0;
}

void plugin_quiet(void)
{
	*complaint = '\0';
	print_before = libbpf_set_print(keep_complaint);
}

void plugin_loud(void)
{
	libbpf_set_print(print_before);
}

const char *plugin_complaint(void)
{
	return complaint;
}

void plugin_clean(char *text, const char *keep)
{
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;

		/* and those of 8 bits: 0x9b begins a command, too */
		if ((c < ' ' && !strchr(keep, c)) || (c >= 0x7f && c < 0xa0))
			*text = '?';
	}
}

int plugin_refuse(struct plugin_file *f, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	plugin_clean(text, "");
	snprintf(f->error, f->error_size, "%s: %s", f->name, text);
	return -EINVAL;
}

const char *plugin_section_name(const struct plugin_file *f, Elf_Scn *scn)
{
	GElf_Shdr header;
	const char *name =
		gelf_getshdr(scn, &header) ? elf_strptr(f->elf, f->names, header.sh_name) : NULL;

	return name ?: "";
}

const char *plugin_symbol_name(const struct plugin_file *f, const GElf_Sym *sym)
{
	return elf_strptr(f->elf, f->strings, sym->st_name) ?: "";
}

bool plugin_is_code(Elf_Scn *scn, GElf_Shdr *header)
{
	return gelf_getshdr(scn, header) && header->sh_type == SHT_PROGBITS &&
	       header->sh_flags & SHF_EXECINSTR;
}

/* The function around a place, "" where no symbol says so. */
static const char *function_at(const struct plugin_file *f, struct plugin_place place)
{
	GElf_Sym sym;

	for (int i = 0; gelf_getsym(f->symbols, i, &sym); i++) {
		if (GELF_ST_TYPE(sym.st_info) == STT_FUNC && sym.st_shndx == place.section &&
		    place.at >= sym.st_value && place.at - sym.st_value < sym.st_size)
			return plugin_symbol_name(f, &sym);
	}
	return "";
}

/* Of one section's records the last one that is not behind the place. NULL = none. */
static const char *record_at(const char *record, __u32 nr, __u32 size, __u64 at,
			     struct bpf_line_info *line)
{
	const char *found = NULL;

	for (__u32 i = 0; i < nr; i++, record += size) {
		__u32 off;

		memcpy(&off, record, sizeof(off));
		if (off > at)
			break;
		found = record;
	}
	if (found)
		memcpy(line, found, sizeof(*line));
	return found;
}

/*
 * The source line of a place, by .BTF.ext: a size of records, then for each section of code its name, their number, and they
 * themselves. libbpf has seen that the lengths fit; here they are not trusted all the same.
 */
static bool line_at(const struct plugin_file *f, struct plugin_place place,
		    struct bpf_line_info *line)
{
	struct btf_ext_header {
		__u16 magic;
		__u8 version, flags;
		__u32 hdr_len, func_info_off, func_info_len, line_info_off, line_info_len;
	} h;
	struct {
		__u32 name_off, nr;
	} sec;
	__u32 size, record;
	const char *raw = f->ext ? btf_ext__raw_data(f->ext, &size) : NULL, *p, *end;
	const char *wanted = plugin_section_name(f, elf_getscn(f->elf, place.section));

	if (!raw || size < sizeof(h))
		return false;
	memcpy(&h, raw, sizeof(h));
	if ((__u64)h.hdr_len + h.line_info_off + h.line_info_len > size ||
	    h.line_info_len < sizeof(record))
		return false;
	p = raw + h.hdr_len + h.line_info_off;
	end = p + h.line_info_len;
	memcpy(&record, p, sizeof(record));
	p += sizeof(record);
	while ((size_t)(end - p) >= sizeof(sec) && record >= sizeof(*line)) {
		memcpy(&sec, p, sizeof(sec));
		p += sizeof(sec);
		if ((__u64)sec.nr * record > (size_t)(end - p))
			return false;
		if (!strcmp(btf__str_by_offset(f->btf, sec.name_off) ?: "", wanted))
			return record_at(p, sec.nr, record, place.at, line);
		p += (size_t)sec.nr * record;
	}
	return false;
}

int plugin_refuse_at(struct plugin_file *f, struct plugin_place place, const char *fmt, ...)
{
	const char *function = function_at(f, place);
	struct bpf_line_info line;
	char text[512], where[300] = "";
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (line_at(f, place, &line))
		snprintf(where, sizeof(where),
			 "%.255s:%u: ", btf__str_by_offset(f->btf, line.file_name_off) ?: "?",
			 BPF_LINE_INFO_LINE_NUM(line.line_col));
	if (*function)
		return plugin_refuse(f, "%s%.100s() %s", where, function, text);
	return plugin_refuse(f, "%ssection %s, byte %llu: it %s", where,
			     plugin_section_name(f, elf_getscn(f->elf, place.section)), place.at,
			     text);
}

int plugin_section(struct plugin_file *f, const char *name, const void **data, size_t *size)
{
	int err = -ENOENT;

	for (Elf_Scn *scn = NULL; (scn = elf_nextscn(f->elf, scn));) {
		Elf_Data *d;

		if (strcmp(plugin_section_name(f, scn), name))
			continue;
		if (!err)
			return -EEXIST;
		d = elf_rawdata(scn, NULL);
		*data = d ? d->d_buf : NULL;
		*size = *data ? d->d_size : 0;
		err = 0;
	}
	return err;
}

/*
 * The symbol table, and whether its functions lie within their sections: libbpf 1.5 adds offset and size of a function without
 * looking whether the sum is one.
 */
static int find_symbols(struct plugin_file *f)
{
	GElf_Shdr header;
	GElf_Sym sym;
	size_t nr;

	for (Elf_Scn *scn = NULL; (scn = elf_nextscn(f->elf, scn));) {
		if (!gelf_getshdr(scn, &header) || header.sh_type != SHT_SYMTAB)
			continue;
		if (f->symbols)
			return plugin_refuse(f, "two symbol tables: compile it again");
		f->symbols = elf_getdata(scn, NULL);
		f->strings = header.sh_link;
	}
	if (!f->symbols || !f->symbols->d_buf || f->symbols->d_type != ELF_T_SYM ||
	    elf_getshdrnum(f->elf, &nr))
		return plugin_refuse(f, "no symbol table: it is cut short, or stripped");
	for (int i = 0; gelf_getsym(f->symbols, i, &sym); i++) {
		if (sym.st_shndx == SHN_UNDEF || sym.st_shndx >= SHN_LORESERVE)
			continue;
		if (sym.st_shndx >= nr ||
		    !gelf_getshdr(elf_getscn(f->elf, sym.st_shndx), &header) ||
		    sym.st_value > header.sh_size || sym.st_size > header.sh_size - sym.st_value)
			return plugin_refuse(
				f, "symbol '%.64s' lies outside of its section: compile it again",
				plugin_symbol_name(f, &sym));
	}
	return 0;
}

static int find_types(struct plugin_file *f)
{
	const void *data;
	size_t size;

	if (!plugin_section(f, ".BTF", &data, &size) && data && size <= PLUGIN_FILE_MAX)
		f->btf = btf__new(data, (__u32)size);
	if (!f->btf)
		return plugin_refuse(f, "no type information (BTF) in it, or it is damaged: "
					"compile it with -g");
	if (!plugin_section(f, ".BTF.ext", &data, &size) && data && size <= PLUGIN_FILE_MAX)
		f->ext = btf_ext__new(data, (__u32)size);
	return 0;
}

int plugin_file_open(struct plugin_file *f, const void *elf, size_t len)
{
	GElf_Ehdr header;
	int err;

	elf_version(EV_CURRENT);
	f->elf = elf_memory((char *)elf, len); /* which only reads it */
	if (!f->elf || !gelf_getehdr(f->elf, &header) || header.e_type != ET_REL ||
	    header.e_machine != EM_BPF || header.e_ident[EI_CLASS] != ELFCLASS64)
		return plugin_refuse(f, "no object file for BPF: compile it with homeostat policy "
					"build");
	if (header.e_ident[EI_DATA] !=
	    (__BYTE_ORDER == __LITTLE_ENDIAN ? ELFDATA2LSB : ELFDATA2MSB))
		return plugin_refuse(f, "the byte order of another machine: compile it here");
	if (elf_getshdrstrndx(f->elf, &f->names))
		return plugin_refuse(f, "no names of sections: it is cut short");
	err = find_symbols(f);
	return err ?: find_types(f);
}

void plugin_file_close(struct plugin_file *f)
{
	btf_ext__free(f->ext);
	btf__free(f->btf);
	elf_end(f->elf);
}
