//! IP below AF_INET and AF_INET6: flows, ports, routes, links.
//!
//! This crate knows neither file descriptors nor user memory nor errno: those belong to `socket`.
#![no_std]
#![forbid(unsafe_code)]
