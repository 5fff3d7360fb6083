// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* What each loaded BPF program cost the verifier, in instructions that it looked at; by name. */
#include "maps.h"

static const char usage[] = "Says what the loaded BPF programs cost the verifier.\n";

int main(int argc, char **argv)
{
	struct load l = {.name = "progs", .usage = usage};
	struct line line;
	__u32 id = 0;
	int c;

	while ((c = getopt(argc, argv, LOAD_OPTIONS)) != -1)
		load_option(&l, c, optarg);
	line_begin(&line, l.name);
	while (!bpf_prog_get_next_id(id, &id)) {
		struct bpf_prog_info info = {};
		__u32 len = sizeof(info);
		int fd = bpf_prog_get_fd_by_id(id);

		if (fd < 0)
			continue; /* gone meanwhile */
		if (bpf_prog_get_info_by_fd(fd, &info, &len))
			err(1, "program %u", id);
		line_u64(&line, info.name, info.verified_insns);
		close(fd);
	}
	line_end(&line, l.out);
	return 0;
}
