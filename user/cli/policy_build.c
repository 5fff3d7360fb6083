// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* homeostat policy new and build: from the template to an object that would be taken. Of the machine only clang and the headers. */
#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <limits.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../lib/json.h"
#include "../lib/plugin.h"
#include "cli.h"
#include "policy.h"

#define SOURCE_END ".bpf.c"
#define TEST_END ".test.c"

extern char **environ;

/* The files of policy/template, in the program: no source tree is needed. */
#define TEMPLATE(symbol, file)                                                                     \
	__asm__(".section .rodata\n" #symbol ":\n.incbin \"" HS_TEMPLATES "/" file                 \
		"\"\n.byte 0\n.previous");                                                         \
	extern const char symbol[]
TEMPLATE(template_policy, "policy.bpf.c");
TEMPLATE(template_test, "policy.test.c");

/*
 * new
 */

/*
 * Writes what the template says, with the name in place of @NAME@. Never over a file that is there, and whole or not at all. 0 or
 * negative errno.
 */
static int write_template(const char *path, const char *text, const char *name)
{
	static const char mark[] = "@NAME@";
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644), err;
	const char *at;
	FILE *f;

	if (fd < 0)
		return -errno;
	f = fdopen(fd, "w");
	if (!f) {
		err = -errno;
		close(fd);
		unlink(path);
		return err;
	}
	for (; (at = strstr(text, mark)); text = at + strlen(mark))
		fprintf(f, "%.*s%s", (int)(at - text), text, name);
	fputs(text, f);
	err = ferror(f) ? -EIO : 0;
	if (fclose(f))
		err = -errno;
	if (err)
		unlink(path);
	return err;
}

static bool is_name(const char *name)
{
	size_t len = strlen(name);

	return *name >= 'a' && len < HS_SLOT_NAME_LEN &&
	       strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-") == len;
}

int policy_new(struct cli *cli, int argc, char **argv)
{
	int rc = cli_options(cli, NULL, &argc, argv), err = 0;
	const char *name, *dir;
	char path[2][PATH_MAX];

	if (rc)
		return rc;
	if (argc < 1 || argc > 2 || !is_name(argv[0]))
		return cli_usage(cli,
				 "policy new takes a name, a letter and up to %d more of a-z, 0-9 "
				 "and -, and perhaps a directory",
				 HS_SLOT_NAME_LEN - 2);
	name = argv[0];
	dir = argc == 2 ? argv[1] : ".";
	snprintf(path[0], sizeof(path[0]), "%s/%s" SOURCE_END, dir, name);
	snprintf(path[1], sizeof(path[1]), "%s/%s" TEST_END, dir, name);
	for (int i = 0; i < 2 && !err; i++) {
		err = write_template(path[i], i ? template_test : template_policy, name);
		if (!err)
			continue;
		cli_error(cli, "%s: %s", path[i], strerror(-err));
		if (i)
			unlink(path[0]); /* both or none */
	}
	if (err)
		return CLI_FAILED;
	if (!cli->json)
		fprintf(cli->out, "%s\n%s\n", path[0], path[1]);
	return CLI_OK;
}

/*
 * build
 */

/* Runs a program with our own outputs. Its exit code; 128 + signal; or negative errno. */
static int run(struct cli *cli, char *const argv[])
{
	int status, err;
	pid_t pid;

	fflush(cli->out);
	err = posix_spawnp(&pid, argv[0], NULL, NULL, argv, environ);
	if (err)
		return -err;
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* @first and what goes with it, in either direction. CLI_OK, or told. */
static int compile(struct cli *cli, const char *const first[], const char *include,
		   const char *source, const char *output)
{
	static const char *const common[] = {"-std=gnu11", "-g", "-Wall", "-Wextra", "-Werror"};
	char map[PATH_MAX + 32] = "-ffile-prefix-map=";
	const char *argv[24] = {getenv("CLANG") ?: "clang"};
	size_t used = strlen(map);
	int n = 1, rc;

	for (; *first; first++)
		argv[n++] = *first;
	for (size_t i = 0; i < sizeof(common) / sizeof(*common); i++)
		argv[n++] = common[i];
	/* the same object wherever it is built */
	if (getcwd(map + used, PATH_MAX)) {
		strcat(map, "=.");
		argv[n++] = map;
	}
	argv[n++] = "-I";
	argv[n++] = include;
	/* types of the kernel, which includes those of the processor */
	argv[n++] = "-idirafter";
	argv[n++] = "/usr/include/" HS_MULTIARCH;
	argv[n++] = source;
	argv[n++] = "-o";
	argv[n++] = output;
	rc = run(cli, (char *const *)argv);
	if (rc == -ENOENT)
		cli_error(cli, "%s: there is no such compiler: install clang, or say CLANG=…",
			  argv[0]);
	else if (rc < 0)
		cli_error(cli, "%s: %s", argv[0], strerror(-rc));
	else if (rc)
		cli_error(cli, "%s: %s does not compile it (exit code %d)", source, argv[0], rc);
	return rc ? CLI_FAILED : CLI_OK;
}

int policy_headers(struct cli *cli, const char *include)
{
	char header[PATH_MAX];

	snprintf(header, sizeof(header), "%s/homeostat/plugin.h", include);
	if (!access(header, R_OK))
		return CLI_OK;
	cli_error(cli, "%s: %s; --include names where the headers of homeostat are", header,
		  strerror(errno));
	return CLI_FAILED;
}

int policy_compile(struct cli *cli, const char *include, const char *define, const char *source,
		   const char *object)
{
	const char *const bpf[] = {"-target", "bpf", "-mcpu=v3", "-O2", "-c", define, NULL};

	return compile(cli, bpf, include, source, object);
}

/* An object that is whole, and would be taken as far as can be seen. CLI_OK or, told, another exit code. */
static int judge(struct cli *cli, const char *object, struct plugin *p)
{
	char error[1024];
	int err = plugin_open(p, object, error, sizeof(error));

	if (!err)
		return CLI_OK;
	cli_error(cli, "%s", error);
	return policy_failed(p, err);
}

static int build(struct cli *cli, const char *include, const char *source, const char *object)
{
	struct plugin p = {0};
	struct policy_output o;
	struct json_object *row;
	int rc = policy_output_begin(cli, &o, object);

	if (rc)
		return rc;
	rc = policy_compile(cli, include, NULL, source, o.object);
	if (!rc)
		rc = judge(cli, o.object, &p);
	rc = policy_output_end(cli, &o, rc);
	if (!rc && cli->json) {
		row = json_object_new_object();
		js_add_str(row, "name", p.policy.name);
		js_add_str(row, "object", object);
		out_json(cli, row);
		json_object_put(row);
	} else if (!rc) {
		fprintf(cli->out,
			"%s: policy %s, fine so far; the verifier has the last word: "
			"homeostat policy check %s\n",
			object, p.policy.name, object);
	}
	plugin_close(&p);
	return rc;
}

/* For this host, with no regard to how fast it is. */
static int build_test(struct cli *cli, const char *include, const char *test)
{
	static const char *const host[] = {"-O1", NULL};
	char dir[] = "/tmp/homeostat-policy-XXXXXX", program[sizeof(dir) + 8];
	char *const argv[] = {program, NULL};
	int rc;

	if (!mkdtemp(dir)) {
		cli_error(cli, "%s: %s", dir, strerror(errno));
		return CLI_FAILED;
	}
	snprintf(program, sizeof(program), "%s/test", dir);
	rc = compile(cli, host, include, test, program);
	if (!rc) {
		rc = run(cli, argv);
		if (rc)
			cli_error(cli, "%s: it does not do what its test expects (exit code %d)",
				  test, rc);
		rc = rc ? CLI_FINDINGS : CLI_OK;
	}
	unlink(program);
	rmdir(dir);
	return rc;
}

/* SOURCE with another end. Returns buf; NULL = it does not end so, or is too long. */
static const char *with_end(char buf[PATH_MAX], const char *source, const char *end)
{
	size_t len = strlen(source), cut = strlen(SOURCE_END);

	if (len <= cut || strcmp(source + len - cut, SOURCE_END) || len + 8 > PATH_MAX)
		return NULL;
	snprintf(buf, PATH_MAX, "%.*s%s", (int)(len - cut), source, end);
	return buf;
}

int policy_build(struct cli *cli, int argc, char **argv)
{
	const char *object = NULL, *include = HS_INCLUDE;
	char path[PATH_MAX];
	bool test = false;
	const struct cli_option options[] = {
		{"-o", &object, NULL}, {"--include", &include, NULL}, {"--test", NULL, &test}, {0}};
	int rc = cli_options(cli, options, &argc, argv);

	if (rc)
		return rc;
	if (argc != 1 || !with_end(path, argv[0], test ? TEST_END : ".bpf.o") || (test && object))
		return cli_usage(cli, "policy build takes a file NAME" SOURCE_END
				      ", and -o or --test with it");
	rc = policy_headers(cli, include);
	if (rc)
		return rc;
	return test ? build_test(cli, include, path) : build(cli, include, argv[0], object ?: path);
}
