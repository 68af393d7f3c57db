//! The UNIX family (`unix(7)`).
//!
//! | file | what |
//! |---|---|
//! | `address` | `struct sockaddr_un`: path names, abstract names, no name |
//! | `names` | who has which name |
//! | `stream/` | sockets of type SOCK_STREAM |

pub mod address;
pub mod names;
pub mod stream;
