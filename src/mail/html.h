/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* The words of an HTML part, for reports that have no other: tags, comments, styles and scripts gone, entities
   decoded (tables/entities.tsv), a line break where a block or <br> stood. Nothing is interpreted beyond that. */

#ifndef CAROM_MAIL_HTML_H
#define CAROM_MAIL_HTML_H

#include "base/arena.h"

/* html is UTF-8. At most max bytes, whole characters. */
struct carom_str carom_html_text(struct carom_arena *arena, struct carom_str html, size_t max);

/* A row of tables/entities.tsv, sorted by name. */
struct carom_entity {
    const char *name;
    int character;
};
extern const struct carom_entity carom_entities[];
extern const size_t carom_entities_n;

#endif
