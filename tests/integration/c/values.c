// SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
// SPDX-License-Identifier: GPL-3.0-or-later
//
// values NAME HEX: a struct of values.h in these bytes, as C on this machine reads it: each field
// and its value, a line each.
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "values.h"

#define NUMBER(field) printf("%s %lld\n", #field, (long long)found.field)
#define LARGE(field) printf("%s %llu\n", #field, (unsigned long long)found.field)
#define TEXT(field) printf("%s %s\n", #field, found.field)

#define IS(type)                                          \
	if (!strcmp(name, #type)) {                       \
		struct type found;                        \
		if (size != sizeof(found))                \
			return 1;                         \
		memcpy(&found, raw, size);
#define END               \
		return 0; \
	}

static int show(const char *name, const unsigned char *raw, size_t size)
{
	char text[INET6_ADDRSTRLEN];

	IS(integers)
		NUMBER(a); NUMBER(b); NUMBER(c); NUMBER(d);
		NUMBER(e); NUMBER(f); LARGE(g); NUMBER(h);
	END
	IS(gaps)
		NUMBER(a); LARGE(b); NUMBER(c); NUMBER(d);
	END
	IS(enums)
		printf("color %d %d\n", found.color == GREEN, found.color == DEEP);
		printf("level %d %d\n", found.level == LOW, found.level == HIGH);
		printf("tiny %d\n", found.tiny == TINIER);
	END
	IS(enums64)
		printf("large %d\n", found.large == LARGEST);
		printf("far_off %d\n", found.far_off == FAR_BELOW);
	END
	IS(unnamed)
		NUMBER(version); NUMBER(high); NUMBER(low); NUMBER(bytes[7]); NUMBER(port);
	END
	IS(bits)
		NUMBER(a); NUMBER(b); NUMBER(c); NUMBER(d); NUMBER(e);
	END
	IS(signed_bits)
		NUMBER(a); NUMBER(b); NUMBER(c); NUMBER(d); NUMBER(plain);
	END
	IS(many_bits)
		LARGE(a); NUMBER(b); NUMBER(yes); printf("shade %d\n", found.shade == LIGHT); printf("level %d\n", found.level == LOW);
	END
	IS(packed)
		NUMBER(a); LARGE(b); NUMBER(c); NUMBER(d.x); NUMBER(d.y); NUMBER(e); NUMBER(f);
	END
	IS(grid)
		NUMBER(cell[0][1]); NUMBER(cell[1][2]); NUMBER(corner[1][0].y);
	END
	IS(texts)
		TEXT(name); TEXT(row[1]); NUMBER(numbers[1]); NUMBER(bytes[2]);
	END
	IS(endpoint)
		printf("addr %s\n", inet_ntop(AF_INET, &found.addr, text, sizeof(text)));
		printf("port %u\n", ntohs(found.port));
		for (int i = 0; i < 6; i++)
			printf("mac[%d] %d\n", i, found.mac[i]);
		printf("addr6 %s\n", inet_ntop(AF_INET6, found.addr6, text, sizeof(text)));
		printf("peers[1] %s\n", inet_ntop(AF_INET, &found.peers[1], text, sizeof(text)));
		NUMBER(protocol);
	END
	return 2;
}

int main(int argc, char **argv)
{
	unsigned char raw[4096];
	size_t size = 0;
	unsigned int byte;

	if (argc != 3)
		return 2;
	for (const char *at = argv[2]; sscanf(at, "%2x", &byte) == 1 && size < sizeof(raw); at += 2)
		raw[size++] = byte;
	return show(argv[1], raw, size);
}
