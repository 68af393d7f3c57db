//! The address families. Each is a folder: its addresses, its names, and a state machine per type of socket.

pub mod unix;
