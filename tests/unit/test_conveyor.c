/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/conveyor.h"

enum { ALL = 5000, LOADS = 7 };

/* Every load is a number; the stations in order must see them in order, once each, worked on by those before. */
struct plant {
    int filled, ends, fail_at; /* fail_at: at the third station; -1 never */
    int seen[2];
    bool wrong[2];
};
struct load {
    int number, squared;
};

static int fill(void *user, void *place, struct carom_error *err)
{
    struct plant *plant = user;
    struct load *load = place;
    (void)err;
    if (plant->filled == ALL)
        return ++plant->ends, 1;
    *load = (struct load){.number = plant->filled++, .squared = -1};
    return 0;
}

static int square(void *user, void *place, struct carom_error *err)
{
    struct load *load = place;
    (void)user, (void)err;
    load->squared = load->number * load->number;
    return 0;
}

static int check(struct plant *plant, size_t which, const struct load *load)
{
    plant->wrong[which] |= load->number != plant->seen[which]++ || load->squared != load->number * load->number;
    return 0;
}

static int first(void *user, void *load, struct carom_error *err)
{
    struct plant *plant = user;
    if (((struct load *)load)->number == plant->fail_at)
        return carom_error_set(err, CAROM_ERROR_IO, "load %d", plant->fail_at);
    return check(plant, 0, load);
}

static int second(void *user, void *load, struct carom_error *err)
{
    (void)err;
    return check(user, 1, load);
}

static int run(struct plant *plant, unsigned threads, size_t loads_n, struct carom_error *err)
{
    static const struct carom_station stations[] = {{fill, false}, {square, true}, {first, false}, {second, false}};
    struct load list[LOADS];
    void *loads[LOADS];
    for (size_t i = 0; i < LOADS; i++)
        loads[i] = &list[i];
    const struct carom_conveyor conveyor = {
        .stations = stations, .n = 4, .loads = loads, .loads_n = loads_n, .threads = threads, .user = plant};
    return carom_conveyor_run(&conveyor, err);
}

static void test_in_order(void **state)
{
    (void)state;
    for (unsigned threads = 0; threads <= 4; threads++)
        for (size_t loads = 1; loads <= LOADS; loads += 3) {
            struct plant plant = {.fail_at = -1};
            assert_int_equal(run(&plant, threads, loads, NULL), 0);
            assert_false(plant.wrong[0] || plant.wrong[1]);
            assert_int_equal(plant.seen[0], ALL);
            assert_int_equal(plant.seen[1], ALL);
            assert_int_equal(plant.ends, 1);
        }
}

static void test_the_first_failure_stops_it(void **state)
{
    (void)state;
    for (unsigned threads = 1; threads <= 4; threads++) {
        struct plant plant = {.fail_at = 1234};
        struct carom_error err = {0};
        assert_int_equal(run(&plant, threads, LOADS, &err), -1);
        assert_string_equal(err.text, "load 1234");
        assert_int_equal(plant.seen[0], 1234);
        assert_true(plant.seen[1] <= 1234 && plant.filled <= 1234 + LOADS);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_in_order), cmocka_unit_test(test_the_first_failure_stops_it)};
    assert_true(carom_conveyor_processors() > 0);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
