// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* How long the kernel is at an acknowledgement: its tcp_ack(), from end to end, of connections to one port. One CPU. */
#include "ktypes.h"

#define ACKS_MAX 16384

char LICENSE[] SEC("license") = "GPL";

__u16 port; /* network byte order; 0 = none */
__u32 nr;
__u32 took_ns[ACKS_MAX];
static __u64 began_ns;

SEC("fentry/tcp_ack")
int BPF_PROG(ack_begins, struct sock *sk)
{
	began_ns = port && sk->__sk_common.skc_dport == port ? bpf_ktime_get_ns() : 0;
	return 0;
}

SEC("fexit/tcp_ack")
int BPF_PROG(ack_ends, struct sock *sk)
{
	__u32 i = nr;

	if (!began_ns || i >= ACKS_MAX)
		return 0;
	took_ns[i & (ACKS_MAX - 1)] = bpf_ktime_get_ns() - began_ns;
	nr = i + 1;
	return 0;
}
