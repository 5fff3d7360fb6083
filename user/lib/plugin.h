/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (C) 2026 homeostat contributors */
/*
 * The object of a policy plug-in (kern/plugin.h), as whoever loads one sees it: opened and judged without the kernel's help
 * first, as the verifier compares structures by name only and allows calls that no policy may make; then shown to the verifier;
 * then put into its slot. For privileged programs that are run by a person; the daemon gets descriptors.
 */
#ifndef HOMEOSTAT_LIB_PLUGIN_H
#define HOMEOSTAT_LIB_PLUGIN_H

#include <stdbool.h>
#include <stddef.h>

#include "../../kern/plugin.h"

#define PLUGIN_FUNCTION "homeostat_reflex" /* its one program */
#define PLUGIN_FILE_MAX (4U * 1024 * 1024) /* bytes of an object */

/* The calls that are allowed, in the order of PLUGIN_CALLS. */
enum plugin_call {
#define X(name) PLUGIN_CALL_##name,
	PLUGIN_CALLS(X)
#undef X
	PLUGIN_CALL_NR
};

struct bpf_object;
struct bpf_program;

/* Zeroed, or as plugin_open() has left it. */
struct plugin {
	struct homeostat_policy policy; /* as it declares itself; strings are terminated */
	bool calls[PLUGIN_CALL_NR];	/* which of them it makes */
	__u32 maps_nr;
	__u64 map_bytes;  /* of all of its maps, as they are declared */
	__u32 state_size; /* bytes of HOMEOSTAT_STATE; 0 = it has none */
	/* after plugin_load() */
	__u32 insns;  /* of the program as the kernel keeps it */
	__u32 work;   /* instructions that the verifier walked through */
	int prog_fd;  /* of the object; -1 = not loaded */
	int state_fd; /* map of HOMEOSTAT_STATE; of the object; -1 = it has none, or is not loaded */
	char *log;    /* what the verifier said when it refused; NULL = nothing */
	/* private */
	struct bpf_object *obj;
	struct bpf_program *prog;
};

/* Instructions of the verifier's walk that it may have, as it was opened. */
__u32 plugin_work_max(const struct plugin *p);

/* "map_lookup_elem" … */
const char *plugin_call_name(enum plugin_call call);

/*
 * Opens the object and judges it: what it declares, its one program, the layout of the structures that it was built with, what
 * it calls, its maps. 0, or negative errno (-EINVAL: refused) and `error`: what is wrong, where, and what to do. plugin_close()
 * in any case.
 */
int plugin_open(struct plugin *p, const char *path, char *error, size_t size);

/* The same of @len bytes in memory, which may go afterwards; @name is for messages. */
int plugin_open_mem(struct plugin *p, const void *elf, size_t len, const char *name, char *error,
		    size_t size);

/*
 * Loads it for a slot of the pulse's program @pulse_fd, without attaching it: asks the verifier. Refused are objects that it walks
 * through more than PLUGIN_WORK_MAX instructions of (-E2BIG). 0 or negative errno and `error`: the verifier's reason, in one line
 * with the line of the source where it is known. Once for each plugin_open().
 */
int plugin_load(struct plugin *p, int pulse_fd, __u32 slot, char *error, size_t size);

/* Puts it into the slot that it was loaded for. A link, the caller's; or negative errno: -EBUSY: somebody is there. */
int plugin_attach(struct plugin *p);

/* NULL-safe for a zeroed struct. */
void plugin_close(struct plugin *p);

#endif
