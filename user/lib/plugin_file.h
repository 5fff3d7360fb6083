/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (C) 2026 homeostat contributors */
/* For plugin*.c alone: the bytes of an object, read with libelf as libbpf does, so that what was judged is what is loaded. */
#ifndef HOMEOSTAT_PLUGIN_FILE_H
#define HOMEOSTAT_PLUGIN_FILE_H

#include <gelf.h>

#include "plugin.h"

struct btf;
struct btf_ext;

struct plugin_file {
	const char *name; /* for messages */
	char *error;
	size_t error_size;
	Elf *elf;
	size_t names;	   /* section with the names of sections */
	Elf_Data *symbols; /* of the only symbol table … */
	size_t strings;	   /* … and the section with their names */
	struct btf *btf;
	struct btf_ext *ext; /* NULL = no line is known */
};

/* A place in the code: an instruction's section, and its bytes from the beginning of that. */
struct plugin_place {
	size_t section;
	__u64 at;
};

/* Opens, and holds against each other what libbpf takes for granted. 0, or negative errno, told. */
int plugin_file_open(struct plugin_file *f, const void *elf, size_t len);
void plugin_file_close(struct plugin_file *f);

/* Names and source lines of an object may hold anything, a terminal's commands too: no control character stays but those of @keep. */
void plugin_clean(char *text, const char *keep);

/* Says "NAME: …", in one line. Returns -EINVAL. */
int plugin_refuse(struct plugin_file *f, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* The same with source line and function: "NAME: FILE:LINE: FUNCTION() …". */
int plugin_refuse_at(struct plugin_file *f, struct plugin_place place, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* The bytes of the section of that name. 0; -ENOENT: there is none; -EEXIST: several. */
int plugin_section(struct plugin_file *f, const char *name, const void **data, size_t *size);

/* The name of a section, a symbol; "" where there is none. */
const char *plugin_section_name(const struct plugin_file *f, Elf_Scn *scn);
const char *plugin_symbol_name(const struct plugin_file *f, const GElf_Sym *sym);

/* Is it code, as libbpf sees it? */
bool plugin_is_code(Elf_Scn *scn, GElf_Shdr *header);

/* Judges (plugin_judge.c): 0, or -EINVAL, told. */
int plugin_judge_types(struct plugin_file *f);
int plugin_judge_code(struct plugin_file *f, bool calls[PLUGIN_CALL_NR]);

/* Of a verifier's log the reason of a refusal: "FILE:LINE: REASON, at `SOURCE`", or as much of it as there is. Pure. */
void plugin_reason(const char *log, char *text, size_t size);

/* Has libbpf say nothing, until plugin_loud(); its first complaint is kept, "" = none. */
void plugin_quiet(void);
void plugin_loud(void);
const char *plugin_complaint(void);

#endif
