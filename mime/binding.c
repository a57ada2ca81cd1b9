#include "mime/binding.h"

#include <dlfcn.h>
#include <glib.h>
#include <stdbool.h>

struct binding bound;

static const char *fault;

struct symbol {
	const char *name;
	void **to;
};

/* As if the program had been linked with it. */
static int open_library(const char *library, const struct symbol *symbols, size_t count)
{
	bool whole = dlopen(library, RTLD_NOW | RTLD_GLOBAL) != NULL;

	for (size_t i = 0; whole && i < count; i++) {
		*symbols[i].to = dlsym(RTLD_DEFAULT, symbols[i].name);
		whole = *symbols[i].to != NULL;
	}
	if (whole)
		return 0;
	fault = dlerror();
	return -1;
}

int binding_open(void)
{
#define SYMBOL(name) {#name, (void **)(void *)&bound.name},
	static const struct symbol libxml[] = {BINDING_LIBXML(SYMBOL)};
	static const struct symbol uchardet[] = {BINDING_UCHARDET(SYMBOL)};
#undef SYMBOL
	static bool is_open;

	if (is_open)
		return 0;
	if (open_library(LIBXML_SONAME, libxml, G_N_ELEMENTS(libxml)) < 0 ||
	    open_library(UCHARDET_SONAME, uchardet, G_N_ELEMENTS(uchardet)) < 0)
		return -1;
	is_open = true;
	return 0;
}

const char *binding_fault(void)
{
	return fault;
}
