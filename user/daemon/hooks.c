// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
#include "hooks.h"

#include <string.h>

#include "log.h"
#include "names.h"

bool hooks_wanted(const struct profile *profile, enum hs_hook hook)
{
	return profile_asks(profile, hook_infos[hook].feeds);
}

static void follow_one(struct hooks *hooks, struct kernel *k, enum hs_hook hook, bool wanted)
{
	bool on = __atomic_load_n(&k->hooks->on, __ATOMIC_RELAXED) & 1U << hook;
	int err;

	if (on == wanted || (wanted && hooks->refused[hook]))
		return;
	if (hooks->slow)
		hooks->slow(hooks->ctx);
	if (!wanted) {
		kernel_unhook(k, hook);
		log_info("hook %s: taken off", hook_infos[hook].name);
		return;
	}
	err = kernel_hook(k, hook);
	hooks->refused[hook] = err != 0;
	if (err)
		log_warn("hook %s: %s; its vital sign stays absent", hook_infos[hook].name,
			 strerror(-err));
	else
		log_info("hook %s: attached", hook_infos[hook].name);
}

void hooks_follow(struct hooks *hooks, struct kernel *k, const struct profile *profile,
		  __u64 now_ns, bool again)
{
	kernel_hooks_clock(k);
	for (int i = 0; i < HS_HOOK_NR; i++) {
		enum hs_hook hook = (enum hs_hook)i;

		if (again)
			hooks->refused[i] = false;
		follow_one(hooks, k, hook,
			   now_ns < hooks->until_ns[i] || hooks->read[i] ||
				   hooks_wanted(profile, hook));
	}
}
