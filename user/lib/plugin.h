/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (C) 2026 homeostat contributors */
/*
 * The object of a policy plug-in (kern/plugin.h), as whoever loads one sees it: opened and judged without the kernel's help
 * first, as the verifier compares structures by name only and allows calls that no policy may make; then shown to the verifier;
 * then put into its slot. For privileged programs that are run by a person; the daemon gets descriptors.
 */
#ifndef HOMEOSTAT_LIB_PLUGIN_H
#define HOMEOSTAT_LIB_PLUGIN_H

#include <stddef.h>

#include "../../kern/plugin.h"

struct bpf_object;
struct bpf_program;

struct plugin {
	struct homeostat_policy policy; /* as it declares itself; strings are terminated */
	/* after plugin_load() */
	__u32 insns;  /* of the program as the kernel keeps it */
	__u32 work;   /* instructions that the verifier walked through */
	int prog_fd;  /* owned; -1 = not loaded */
	int state_fd; /* map of HOMEOSTAT_STATE; owned by the object; -1 = it has none */
	__u32 state_size;
	/* private */
	struct bpf_object *obj;
	struct bpf_program *prog;
};

/*
 * Opens the object and judges it: what it declares, its one program, the layout of the structures that it was built with, what
 * it calls, its maps. 0, or negative errno and `error`: what is wrong, where, and what to do. plugin_close() in any case.
 */
int plugin_open(struct plugin *p, const char *path, char *error, size_t size);

/*
 * Loads it for a slot of the pulse's program @pulse_fd, without attaching it: asks the verifier. Refused are objects that it walks
 * through more than PLUGIN_WORK_MAX instructions of. 0 or negative errno and `error`: the verifier's reason, in one line with the
 * line of the source where it is known.
 */
int plugin_load(struct plugin *p, int pulse_fd, __u32 slot, char *error, size_t size);

/* Puts it into the slot that it was loaded for. A link, the caller's; -EBUSY: somebody is there. */
int plugin_attach(struct plugin *p);

/* NULL-safe for a zeroed struct. */
void plugin_close(struct plugin *p);

#endif
