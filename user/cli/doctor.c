// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* homeostat doctor: what can run on this machine, why not, and what would help. */
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <json-c/json.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "../lib/control.h"
#include "../lib/json.h"
#include "../lib/parse.h"
#include "cli.h"
#include "doctor.h"

static const char *const state_names[] = {
	[FINDING_OK] = "ok",
	[FINDING_WARN] = "warn",
	[FINDING_OFF] = "off",
};

int doctor_read(const struct doctor *d, const char *path, char *buf, size_t size)
{
	ssize_t n = read_file(d->root, path, buf, size);

	if (n == -EFBIG)
		n = strlen(buf);
	while (n > 0 && strchr(" \t\n", buf[n - 1]))
		buf[--n] = '\0';
	return n;
}

bool doctor_exists(const struct doctor *d, const char *path)
{
	char full[4096];

	return !root_path(full, sizeof(full), d->root, path) && !access(full, F_OK);
}

/* Looks for CONFIG_@name in one file, gzipped or not; 0 if the file is not there. */
static char config_in(const struct doctor *d, const char *path, const char *name)
{
	char full[4096], line[512], value = 0;
	size_t n = strlen(name);
	gzFile f;

	if (root_path(full, sizeof(full), d->root, path))
		return 0;
	f = gzopen(full, "re");
	if (!f)
		return 0;
	while (gzgets(f, line, sizeof(line))) {
		if (!strncmp(line, "# CONFIG_", 9) || !strncmp(line, "CONFIG_", 7))
			value = value ? value : 'n'; /* a configuration, at least */
		if (!strncmp(line, "CONFIG_", 7) && !strncmp(line + 7, name, n) &&
		    line[7 + n] == '=') {
			value = line[8 + n];
			break;
		}
	}
	gzclose(f);
	return value;
}

char doctor_config(const struct doctor *d, const char *name)
{
	char path[256], value = config_in(d, "/proc/config.gz", name);

	if (value)
		return value;
	snprintf(path, sizeof(path), "/boot/config-%s", d->release);
	value = config_in(d, path, name);
	if (value)
		return value;
	snprintf(path, sizeof(path), "/usr/lib/modules/%s/config", d->release);
	return config_in(d, path, name);
}

void doctor_add(struct doctor *d, enum finding_state state, const char *family, const char *help,
		const char *reason, ...)
{
	struct json_object *o = js_push_obj(d->findings);
	char text[2048];
	va_list ap;

	va_start(ap, reason);
	vsnprintf(text, sizeof(text), reason, ap);
	va_end(ap);
	d->off += state == FINDING_OFF;
	js_add_str(o, "state", state_names[state]);
	js_add_str(o, "family", family);
	js_add_str(o, "reason", text);
	js_add_str(o, "help", help ? help : "");
}

int doctor_open(struct doctor *d, const char *root, const char *btf_path, const char *socket)
{
	char path[4096];
	int err;

	memset(d, 0, sizeof(*d));
	d->root = root;
	d->btf_path = btf_path;
	d->socket = socket;
	d->may_load = !*root && !btf_path;
	d->findings = json_object_new_array();
	if (!d->findings)
		return -ENOMEM;
	if (doctor_read(d, "/proc/sys/kernel/osrelease", d->release, sizeof(d->release)) < 0)
		*d->release = '\0';
	if (btf_path) {
		d->btf = btf__parse(btf_path, NULL);
		return d->btf ? 0 : -errno;
	}
	err = root_path(path, sizeof(path), root, "/sys/kernel/btf/vmlinux");
	if (!err)
		d->btf = btf__parse(path, NULL);
	return 0;
}

void doctor_close(struct doctor *d)
{
	btf__free(d->btf);
	json_object_put(d->findings);
	memset(d, 0, sizeof(*d));
}

void doctor_examine(struct doctor *d)
{
	probe_kernel(d);
	/* a BTF alone asks about a kernel, not about the machine that this runs on */
	if (!d->btf_path || *d->root) {
		probe_capabilities(d);
		probe_cpus(d);
		probe_cgroups(d);
	}
	probe_sched_ext(d);
	probe_families(d);
	probe_pmu(d);
	if (!d->btf_path)
		probe_sense(d);
	probe_nics(d);
	probe_beside(d);
	probe_daemon(d);
}

static void print_findings(FILE *f, struct json_object *findings)
{
	size_t n = json_object_array_length(findings);

	for (size_t i = 0; i < n; i++) {
		struct json_object *o = json_object_array_get_idx(findings, i);
		const char *help = js_str(o, "help");

		fprintf(f, "%-4s %s: %s%s%s\n", js_str(o, "state"), js_str(o, "family"),
			js_str(o, "reason"), *help ? "; help: " : "", help);
	}
}

/* libbpf reports what it could not read on stderr; the findings say it better. */
static int quiet(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	(void)level;
	(void)fmt;
	(void)ap;
	return 0;
}

int cmd_doctor(struct cli *cli, int argc, char **argv)
{
	const char *root = "", *btf = NULL;
	const struct cli_option options[] = {
		{"--root", &root, NULL},
		{"--btf", &btf, NULL},
		{0},
	};
	struct json_object *out;
	char reason[128];
	struct doctor d;
	int err, rc;

	rc = cli_options(cli, options, &argc, argv);
	if (rc || argc)
		return rc ? rc : cli_usage(cli, "'%s': doctor takes options only", argv[0]);
	libbpf_set_print(quiet);
	err = doctor_open(&d, !strcmp(root, "/") ? "" : root, btf, cli->socket);
	if (err) {
		libbpf_strerror(err, reason, sizeof(reason)); /* knows libbpf's own codes, too */
		cli_error(cli, "%s: %s", btf ? btf : "doctor", reason);
		doctor_close(&d);
		return CLI_FAILED;
	}
	doctor_examine(&d);
	rc = d.off ? CLI_FINDINGS : CLI_OK;
	if (cli->json) {
		out = json_object_new_object();
		js_add_str(out, "kernel", d.release);
		js_add_bool(out, "whole", !d.off);
		js_add(out, "findings", json_object_get(d.findings));
		out_json(cli, out);
		json_object_put(out);
	} else {
		print_findings(cli->out, d.findings);
	}
	doctor_close(&d);
	return rc;
}
