//! Landing zone 4.0 and its trail, and no landing zone at all: the administrator's omissions, and
//! their handling.
//!
//! Golden tables are in `tests/golden`; `INSTA_UPDATE=always` rewrites them.

mod integration;
mod own_roles;
mod trail;
