#pragma once
#include <cstdint>

struct esp_timer_create_args_t {
    void (*callback)(void *);
    void *arg;
    int dispatch_method;
    const char *name;
    bool skip_unhandled_events;
};
typedef void *esp_timer_handle_t;

int64_t esp_timer_get_time();
int esp_timer_create(const esp_timer_create_args_t *arguments, esp_timer_handle_t *handle);
int esp_timer_start_periodic(esp_timer_handle_t handle, uint64_t period_us);
