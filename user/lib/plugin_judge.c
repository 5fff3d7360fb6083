// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/*
 * What the verifier would take, and a policy may not: other layouts of our structures, of which it compares names alone; calls
 * of helpers and kernel functions that are no business of a policy; functions that it walks once, however often they are called.
 */
#include <bpf/btf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <string.h>

#include "plugin_file.h"

#define NR(array) (sizeof(array) / sizeof(*(array)))

/* Of later kernels than the headers here may be. */
#define CODE_MAY_GOTO (BPF_JMP | 0xe0)

#define X(name) #name,
static const char *const call_names[PLUGIN_CALL_NR] = {PLUGIN_CALLS(X)};
#undef X

#define X(name) BPF_FUNC_##name,
static const __s32 call_ids[PLUGIN_CALL_NR] = {PLUGIN_CALLS(X)};
#undef X

#define X(name) [BPF_FUNC_##name] = #name
static const char *const helper_names[] = {__BPF_FUNC_MAPPER(X)};
#undef X

const char *plugin_call_name(enum plugin_call call)
{
	return call < PLUGIN_CALL_NR ? call_names[call] : "?";
}

/*
 * The layouts that both sides have to have
 */

struct member {
	const char *name;
	__u32 offset;
	__u32 size;
};
#define MEMBER(s, m) {#m, offsetof(struct s, m), sizeof(((struct s *)0)->m)}

static const struct member vital_members[] = {
	MEMBER(hs_vital, value),      MEMBER(hs_vital, ewma),	 MEMBER(hs_vital, peak),
	MEMBER(hs_vital, updated_ns), MEMBER(hs_vital, present), MEMBER(hs_vital, estimated),
	MEMBER(hs_vital, integral),   MEMBER(hs_vital, span),
};
static const struct member vitals_members[] = {MEMBER(homeostat_vitals, v)};
static const struct member knobs_members[] = {
	MEMBER(homeostat_knobs, value),
	MEMBER(homeostat_knobs, min),
	MEMBER(homeostat_knobs, max),
	MEMBER(homeostat_knobs, stock),
};

static const struct layout {
	const char *name;
	__u32 size;
	const struct member *member;
	__u32 nr;
} layout_vital = {"hs_vital", sizeof(struct hs_vital), vital_members, NR(vital_members)},
  layout_vitals = {"homeostat_vitals", sizeof(struct homeostat_vitals), vitals_members,
		   NR(vitals_members)},
  layout_knobs = {"homeostat_knobs", sizeof(struct homeostat_knobs), knobs_members,
		  NR(knobs_members)};

static const struct btf_type *resolve(const struct plugin_file *f, __u32 id, __u32 *resolved)
{
	int real = btf__resolve_type(f->btf, id);

	*resolved = real > 0 ? (__u32)real : 0;
	return real > 0 ? btf__type_by_id(f->btf, (__u32)real) : NULL;
}

static const char *name_of(const struct plugin_file *f, __u32 off)
{
	return btf__name_by_offset(f->btf, off) ?: "";
}

static int refuse_layout(struct plugin_file *f, const struct layout *l, const char *what)
{
	return plugin_refuse(f,
			     "struct %s is not the one of this version: %s; compile it with the "
			     "headers that are installed here",
			     l->name, what);
}

static int judge_layout(struct plugin_file *f, __u32 id, const struct layout *l)
{
	const struct btf_type *t = resolve(f, id, &id);
	char what[128];

	if (!t || !btf_is_struct(t) || strcmp(name_of(f, t->name_off), l->name))
		return refuse_layout(f, l, "another type is in its place");
	snprintf(what, sizeof(what), "%u bytes with %u members, not %u with %u", t->size,
		 btf_vlen(t), l->size, l->nr);
	if (t->size != l->size || btf_vlen(t) != l->nr)
		return refuse_layout(f, l, what);
	for (__u32 i = 0; i < l->nr; i++) {
		const struct btf_member *m = &btf_members(t)[i];

		snprintf(what, sizeof(what), "member %u is to be '%s' of %u bytes at %u", i + 1,
			 l->member[i].name, l->member[i].size, l->member[i].offset);
		if (strcmp(name_of(f, m->name_off), l->member[i].name) ||
		    btf_member_bitfield_size(t, i) ||
		    btf_member_bit_offset(t, i) != l->member[i].offset * 8 ||
		    btf__resolve_size(f->btf, m->type) != l->member[i].size)
			return refuse_layout(f, l, what);
	}
	return 0;
}

/* The members of these have the right size: what they are made of. 0 = it is no array. */
static __u32 element(const struct plugin_file *f, __u32 id, __u32 member)
{
	const struct btf_type *t = resolve(f, id, &id);

	t = resolve(f, btf_members(t)[member].type, &id);
	return t && btf_is_array(t) ? btf_array(t)->type : 0;
}

static int judge_layouts(struct plugin_file *f, __u32 vitals, __u32 knobs)
{
	int err = judge_layout(f, vitals, &layout_vitals);

	if (!err)
		err = judge_layout(f, element(f, vitals, 0), &layout_vital);
	if (!err)
		err = judge_layout(f, knobs, &layout_knobs);
	for (__u32 i = 0; !err && i < layout_knobs.nr; i++) {
		if (btf__resolve_size(f->btf, element(f, knobs, i)) != sizeof(__u64))
			err = refuse_layout(f, &layout_knobs, "its values are not of 64 bits");
	}
	return err;
}

/* What a parameter points to; 0 = it is no pointer. */
static __u32 pointed(const struct plugin_file *f, __u32 id)
{
	const struct btf_type *t = resolve(f, id, &id);

	return t && btf_is_ptr(t) ? t->type : 0;
}

/* The function's own parameters count: of structures of the same name there may be several. */
static int judge_function(struct plugin_file *f, const struct btf_type *func)
{
	const struct btf_type *proto = btf__type_by_id(f->btf, func->type), *last, *returned;
	const struct btf_param *param;
	__u32 id;

	if (!proto || !btf_is_func_proto(proto) || btf_vlen(proto) != 3)
		goto refuse;
	param = btf_params(proto);
	last = resolve(f, param[2].type, &id);
	returned = resolve(f, proto->type, &id);
	if (!last || !btf_is_int(last) || last->size != sizeof(__u64) || !returned ||
	    !btf_is_int(returned) || returned->size != sizeof(int))
		goto refuse;
	return judge_layouts(f, pointed(f, param[0].type), pointed(f, param[1].type));
refuse:
	return plugin_refuse(f, PLUGIN_FUNCTION "() does not take vital signs, knobs and the time: "
						"define it with HOMEOSTAT_REFLEX()");
}

/* Where a function begins. */
static struct plugin_place place_of(const struct plugin_file *f, const char *name)
{
	GElf_Sym sym;

	for (int i = 0; gelf_getsym(f->symbols, i, &sym); i++) {
		if (GELF_ST_TYPE(sym.st_info) == STT_FUNC &&
		    !strcmp(plugin_symbol_name(f, &sym), name))
			return (struct plugin_place){sym.st_shndx, sym.st_value};
	}
	return (struct plugin_place){0};
}

static int refuse_global(struct plugin_file *f, const char *name)
{
	static const char why[] = "is a global function: the verifier does not count how often it "
				  "runs; make it static";
	struct plugin_place place = place_of(f, name);

	if (!place.section)
		return plugin_refuse(f, "%.100s() %s", name, why);
	return plugin_refuse_at(f, place, "%s", why);
}

/*
 * Of global functions the verifier walks each once, by itself, however often it is called: PLUGIN_WORK_MAX would mean
 * nothing. And a tag at a parameter has it take on trust what is handed over.
 */
int plugin_judge_types(struct plugin_file *f)
{
	const struct btf_type *reflex = NULL;
	__u32 nr = btf__type_cnt(f->btf);

	for (__u32 id = 1; id < nr; id++) {
		const struct btf_type *t = btf__type_by_id(f->btf, id), *tagged;
		const char *name = name_of(f, t->name_off);

		if (btf_is_decl_tag(t)) {
			tagged = btf__type_by_id(f->btf, t->type);
			if (!tagged || btf_is_func(tagged))
				return plugin_refuse(
					f, "the tag '%.64s' at a function: a policy has none",
					name);
		}
		if (!btf_is_func(t) || btf_vlen(t) != BTF_FUNC_GLOBAL)
			continue;
		if (strcmp(name, PLUGIN_FUNCTION))
			return refuse_global(f, name);
		if (reflex)
			return plugin_refuse(f, "two functions " PLUGIN_FUNCTION "()");
		reflex = t;
	}
	if (!reflex)
		return plugin_refuse(f, "no global function " PLUGIN_FUNCTION
					"(): define it with HOMEOSTAT_REFLEX()");
	return judge_function(f, reflex);
}

/*
 * The code
 */

static int judge_call(struct plugin_file *f, struct plugin_place at, const struct bpf_insn *insn,
		      bool calls[PLUGIN_CALL_NR])
{
	if (insn->src_reg == BPF_PSEUDO_CALL)
		return 0; /* a function of its own; one of the kernel is a symbol that is not defined here */
	if (insn->src_reg)
		return plugin_refuse_at(f, at,
					"calls a kernel function, and a policy may call none");
	for (int i = 0; i < PLUGIN_CALL_NR; i++) {
		if (insn->imm == call_ids[i]) {
			calls[i] = true;
			return 0;
		}
	}
	if (insn->imm > 0 && (size_t)insn->imm < NR(helper_names) && helper_names[insn->imm])
		return plugin_refuse_at(
			f, at,
			"calls bpf_%s(), which is none of the helpers that a policy may call",
			helper_names[insn->imm]);
	return plugin_refuse_at(f, at, "calls helper %d, which no policy may", insn->imm);
}

/*
 * What else the verifier may take. Callbacks need no look: no helper that is allowed takes one. Loads of addresses have
 * their meaning from relocations alone: a descriptor's number in the code would be one of whoever loads it.
 */
static int judge_insn(struct plugin_file *f, struct plugin_place at, const struct bpf_insn *insn,
		      bool calls[PLUGIN_CALL_NR])
{
	__u8 class = BPF_CLASS(insn->code);

	if (class == BPF_LD && insn->code != (BPF_LD | BPF_IMM | BPF_DW))
		return plugin_refuse_at(f, at, "loads from a packet: a policy has none");
	if (class == BPF_LD && insn->src_reg)
		return plugin_refuse_at(f, at, "has the number of a descriptor in its code");
	if (insn->code == CODE_MAY_GOTO)
		return plugin_refuse_at(
			f, at,
			"has a loop that may go round for as long as the kernel lets it "
			"(may_goto): give it a bound");
	if (insn->code == (BPF_JMP | BPF_CALL))
		return judge_call(f, at, insn, calls);
	if (class == BPF_JMP && BPF_OP(insn->code) == BPF_CALL)
		return plugin_refuse_at(f, at, "calls by a register");
	if (class == BPF_JMP && BPF_OP(insn->code) == BPF_JA && BPF_SRC(insn->code) == BPF_X)
		return plugin_refuse_at(f, at, "jumps by a register");
	return 0;
}

/*
 * The second slot of a load of 64 bits is the upper half of its number, and nothing else: code that stood there would be read by
 * nobody, and run where a function begins in it.
 */
static int judge_half(struct plugin_file *f, struct plugin_place at, const Elf_Data *data)
{
	struct bpf_insn half;

	if (data->d_size - at.at < 2 * sizeof(half))
		return plugin_refuse_at(f, at, "ends within an instruction");
	memcpy(&half, (const char *)data->d_buf + at.at + sizeof(half), sizeof(half));
	if (half.code || half.dst_reg || half.src_reg || half.off)
		return plugin_refuse_at(f, at, "has code within an instruction");
	return 0;
}

static int judge_section(struct plugin_file *f, Elf_Scn *scn, bool calls[PLUGIN_CALL_NR])
{
	struct plugin_place at = {.section = elf_ndxscn(scn)};
	Elf_Data *data = elf_rawdata(scn, NULL);
	struct bpf_insn insn;
	int err = 0;

	if (!data || (data->d_size && !data->d_buf) || data->d_size % sizeof(insn))
		return plugin_refuse(f, "section %.64s is cut short", plugin_section_name(f, scn));
	for (; !err && at.at < data->d_size; at.at += sizeof(insn)) {
		memcpy(&insn, (const char *)data->d_buf + at.at, sizeof(insn));
		err = judge_insn(f, at, &insn, calls);
		if (!err && insn.code == (BPF_LD | BPF_IMM | BPF_DW)) {
			err = judge_half(f, at, data);
			at.at += sizeof(insn);
		}
	}
	return err;
}

/* What a relocation of code refers to has to be defined here. */
static int judge_relocations(struct plugin_file *f, Elf_Scn *scn, const GElf_Shdr *header)
{
	struct plugin_place at = {.section = header->sh_info};
	Elf_Data *data = elf_getdata(scn, NULL);
	GElf_Shdr code;
	GElf_Sym sym;
	GElf_Rel rel;

	if (!data || data->d_type != ELF_T_REL)
		return plugin_refuse(f, "section %.64s is damaged", plugin_section_name(f, scn));
	if (!plugin_is_code(elf_getscn(f->elf, header->sh_info), &code))
		return 0;
	for (int i = 0; gelf_getrel(data, i, &rel); i++) {
		if (!gelf_getsym(f->symbols, (int)GELF_R_SYM(rel.r_info), &sym))
			return plugin_refuse(f, "a relocation of no symbol: compile it again");
		at.at = rel.r_offset;
		if (sym.st_shndx == SHN_UNDEF)
			return plugin_refuse_at(f, at,
						"uses '%.64s' of the kernel, and a policy may call "
						"or read nothing there",
						plugin_symbol_name(f, &sym));
	}
	return 0;
}

int plugin_judge_code(struct plugin_file *f, bool calls[PLUGIN_CALL_NR])
{
	GElf_Shdr header;
	int err = 0;

	for (Elf_Scn *scn = NULL; !err && (scn = elf_nextscn(f->elf, scn));) {
		if (plugin_is_code(scn, &header))
			err = judge_section(f, scn, calls);
		else if (gelf_getshdr(scn, &header) && header.sh_type == SHT_REL)
			err = judge_relocations(f, scn, &header);
	}
	return err;
}
