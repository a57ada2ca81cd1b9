#include "loader/parser/protocol/protocol.h"

enum { PROTOCOL_CPU_BASE_S = 10, PROTOCOL_CPU_BYTES_PER_S = 4 * 1024 * 1024 };

const struct protocol_version protocol_version = {.magic = "inqueue-parser",
						  .words = INQUEUE_VERSION ", protocol 5"};

uint64_t protocol_cpu_limit_s(uint64_t size)
{
	return PROTOCOL_CPU_BASE_S + size / PROTOCOL_CPU_BYTES_PER_S;
}
