// SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
// SPDX-License-Identifier: GPL-3.0-or-later
//
// spell FILE [ID...]: the types with these ids in an object file, or in a file of BTF alone, as
// libbpf reads them, a line each. A struct with a name that is behind a pointer is only named.
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include <bpf/btf.h>

enum { DEEPEST = 30 };

static const struct btf *types;

static void spell(__u32 id, bool pointed_to, int depth);

static const char *name_at(__u32 offset)
{
	const char *name = btf__name_by_offset(types, offset);

	return name ? name : "(bad name)";
}

static void members(const struct btf_type *t, int depth)
{
	for (int i = 0; i < btf_vlen(t); i++) {
		printf(" %s at %u", name_at(btf_members(t)[i].name_off),
		       btf_member_bit_offset(t, i));
		if (btf_member_bitfield_size(t, i))
			printf(" bits %u", btf_member_bitfield_size(t, i));
		printf(": ");
		spell(btf_members(t)[i].type, false, depth);
		printf(";");
	}
}

static void enumerators(const struct btf_type *t)
{
	for (int i = 0; i < btf_vlen(t); i++) {
		if (btf_is_enum(t))
			printf(" %s = %d,", name_at(btf_enum(t)[i].name_off), btf_enum(t)[i].val);
		else
			printf(" %s = %llu,", name_at(btf_enum64(t)[i].name_off),
			       (unsigned long long)btf_enum64_value(&btf_enum64(t)[i]));
	}
}

static void function(const struct btf_type *t, int depth)
{
	printf("function(");
	for (int i = 0; i < btf_vlen(t); i++) {
		printf("%s: ", name_at(btf_params(t)[i].name_off));
		spell(btf_params(t)[i].type, false, depth);
		printf(", ");
	}
	printf(") of ");
	spell(t->type, false, depth);
}

static void spell(__u32 id, bool pointed_to, int depth)
{
	const struct btf_type *t = btf__type_by_id(types, id);
	const char *name;

	if (!t || depth > DEEPEST) {
		printf(t ? "..." : "(bad id)");
		return;
	}
	name = name_at(t->name_off);
	depth++;
	switch (btf_kind(t)) {
	case BTF_KIND_UNKN:
		printf("void");
		return;
	case BTF_KIND_INT:
		printf("int %s %u %#x", name, t->size, *(__u32 *)(t + 1));
		return;
	case BTF_KIND_FLOAT:
		printf("float %s %u", name, t->size);
		return;
	case BTF_KIND_FWD:
		printf("%s %s", btf_kflag(t) ? "union" : "struct", name);
		return;
	case BTF_KIND_STRUCT:
	case BTF_KIND_UNION:
		printf("%s %s", btf_is_union(t) ? "union" : "struct", name);
		if (pointed_to && *name)
			return;
		printf(" %u {", t->size);
		members(t, depth);
		printf(" }");
		return;
	case BTF_KIND_ENUM:
	case BTF_KIND_ENUM64:
		printf("%senum %s %u {", btf_kflag(t) ? "signed " : "", name, t->size);
		enumerators(t);
		printf(" }");
		return;
	case BTF_KIND_ARRAY:
		printf("[%u by ", btf_array(t)->nelems);
		spell(btf_array(t)->index_type, false, depth);
		printf("] of ");
		spell(btf_array(t)->type, false, depth);
		return;
	case BTF_KIND_FUNC_PROTO:
		function(t, depth);
		return;
	case BTF_KIND_PTR:
		printf("* ");
		spell(t->type, true, depth);
		return;
	case BTF_KIND_TYPE_TAG:
		printf("tag %s ", name);
		spell(t->type, false, depth);
		return;
	default: // typedef, const, volatile, restrict
		printf("%u %s ", btf_kind(t), name);
		spell(t->type, pointed_to, depth);
	}
}

int main(int argc, char **argv)
{
	if (argc < 2)
		return 2;
	types = btf__parse(argv[1], NULL);
	if (!types)
		return 1;
	for (int i = 2; i < argc; i++) {
		spell(strtoul(argv[i], NULL, 10), false, 0);
		printf("\n");
	}
	return 0;
}
