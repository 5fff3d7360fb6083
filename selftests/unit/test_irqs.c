// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* The verb irqs: who may look, and what becomes of the kernel's figures, which are played. */
#include "server_fixture.h"

static struct hs_hooks hooks;
static bool attaches;
static unsigned anew;

int __wrap_kernel_hook(struct kernel *k, enum hs_hook hook);
void __wrap_kernel_irqs_anew(struct kernel *k);
int __wrap_kernel_irqs(struct kernel *k,
		       int (*fn)(void *ctx, enum hs_irq_kind kind, __u32 number,
				 const struct hs_irq *cpu),
		       void *ctx);

int __wrap_kernel_hook(struct kernel *k, enum hs_hook hook)
{
	if (!attaches) {
		strcpy(k->family[FAMILY_IRQ].why, "no such tracepoint");
		return -ENOENT;
	}
	k->hooks->on |= 1U << hook;
	return 0;
}

void __wrap_kernel_irqs_anew(struct kernel *k)
{
	(void)k;
	anew++;
}

int __wrap_kernel_irqs(struct kernel *k,
		       int (*fn)(void *ctx, enum hs_irq_kind kind, __u32 number,
				 const struct hs_irq *cpu),
		       void *ctx)
{
	static const struct hs_irq soft[] = {
		{.runs = 2, .time_ns = 20, .longest_ns = 19},
		{.runs = 3, .time_ns = 300, .longest_ns = 100},
		{.runs = 1, .time_ns = 1, .longest_ns = 1},
	};
	static const struct hs_irq timer[] = {{0}, {0}, {.runs = 1, .time_ns = 5, .longest_ns = 5}};
	static const struct hs_irq card[] = {
		{.runs = 7, .time_ns = 70, .longest_ns = 12}, {0}, {0}};

	(void)k;
	fn(ctx, HS_IRQ_SOFT, 3, soft);
	fn(ctx, HS_IRQ_VECTOR, 0xec, timer);
	return fn(ctx, HS_IRQ_DEVICE, 24, card);
}

static void play(void)
{
	memset(&hooks, 0, sizeof(hooks));
	attaches = true;
	anew = 0;
	d.kernel.hooks = &hooks;
	d.kernel.cpus_nr = 3;
}

static struct json_object *ask(const char *line)
{
	struct control *c = connect_one();
	struct json_object *reply = ask_line(c, line);

	control_close(c);
	serve();
	if (!js_bool(reply, "ok"))
		fail_msg("%s: %s", line, js_line(reply));
	return reply;
}

static struct json_object *row(struct json_object *reply, const char *key, size_t i)
{
	struct json_object *rows;

	assert_int_equal(js_get_array(reply, key, &rows), 0);
	return json_object_array_get_idx(rows, i);
}

static void adds_up(void **state)
{
	struct json_object *reply, *r;

	(void)state;
	play();
	hooks.on = 1U << HS_HOOK_IRQ;
	reply = ask("{\"verb\":\"irqs\"}\n");
	assert_true(js_bool(reply, "looking"));
	r = row(reply, "irqs", 0);
	assert_string_equal(js_str(r, "kind"), "soft");
	assert_int_equal(js_u64(r, "number"), 3);
	assert_int_equal(js_u64(r, "runs"), 6);
	assert_int_equal(js_u64(r, "time_ns"), 321);
	assert_int_equal(js_u64(r, "longest_ns"), 100);
	assert_int_equal(js_u64(r, "busiest_cpu"), 1);
	assert_int_equal(js_u64(r, "busiest_ns"), 300);
	assert_string_equal(js_str(row(reply, "irqs", 1), "kind"), "vector");
	assert_int_equal(js_u64(row(reply, "irqs", 1), "busiest_cpu"), 2);
	assert_string_equal(js_str(row(reply, "irqs", 2), "kind"), "device");
	assert_int_equal(js_u64(row(reply, "cpus", 0), "hard_ns"), 70);
	assert_int_equal(js_u64(row(reply, "cpus", 0), "soft_ns"), 20);
	assert_int_equal(js_u64(row(reply, "cpus", 2), "hard_ns"), 5);
	assert_int_equal(js_u64(row(reply, "cpus", 2), "soft_ns"), 1);
	json_object_put(reply);
}

/* Of one CPU: what did not come there is not listed, the sums of the CPUs are those of all. */
static void of_one_cpu(void **state)
{
	struct json_object *reply, *r;

	(void)state;
	play();
	hooks.on = 1U << HS_HOOK_IRQ;
	reply = ask("{\"verb\":\"irqs\",\"cpu\":2}\n");
	r = row(reply, "irqs", 0);
	assert_int_equal(js_u64(r, "runs"), 1);
	assert_int_equal(js_u64(r, "time_ns"), 1);
	assert_int_equal(js_u64(r, "longest_ns"), 1);
	assert_false(json_object_object_get_ex(r, "busiest_cpu", NULL));
	assert_string_equal(js_str(row(reply, "irqs", 1), "kind"), "vector");
	assert_null(row(reply, "irqs", 2));
	assert_int_equal(js_u64(row(reply, "cpus", 0), "hard_ns"), 70);
	json_object_put(reply);
	expect("{\"verb\":\"irqs\",\"cpu\":3}\n", false, "below 3", EINVAL);
	expect("{\"verb\":\"irqs\",\"cpu\":\"1\"}\n", false, "expected cpu", EINVAL);
}

static void looks(void **state)
{
	struct json_object *reply;

	(void)state;
	play();
	reply = ask("{\"verb\":\"irqs\"}\n");
	assert_false(js_bool(reply, "looking"));
	assert_false(json_object_object_get_ex(reply, "irqs", NULL));
	json_object_put(reply);
	pretend = 1000;
	expect("{\"verb\":\"irqs\",\"for_ns\":1000000000}\n", false, "root", EPERM);
	expect("{\"verb\":\"irqs\"}\n", false, "root", EPERM);
	pretend = 0;
	expect("{\"verb\":\"irqs\",\"for_ns\":99000000000}\n", false, "up to", EINVAL);
	assert_int_equal(hooks.on, 0);
	reply = ask("{\"verb\":\"irqs\",\"for_ns\":1000000000}\n");
	assert_true(js_bool(reply, "looking"));
	assert_int_equal(anew, 1);
	assert_int_equal(hooks.on, 1U << HS_HOOK_IRQ);
	assert_false(json_object_object_get_ex(reply, "irqs", NULL)); /* nothing yet */
	json_object_put(reply);
	/* who only reads does not take the figures from him who looks */
	json_object_put(ask("{\"verb\":\"irqs\"}\n"));
	assert_int_equal(anew, 1);

	play();
	attaches = false;
	expect("{\"verb\":\"irqs\",\"for_ns\":1000000000}\n", false, "no such tracepoint",
	       EOPNOTSUPP);
}

int main(void)
{
	const struct CMUnitTest tests[] = {TEST(adds_up), TEST(of_one_cpu), TEST(looks)};

	return cmocka_run_group_tests_name("irqs", tests, NULL, NULL);
}
