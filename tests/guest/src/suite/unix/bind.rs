//! bind(2) to path names, and what the file system makes of them.

use std::ffi::CString;

use super::help::{accepted, client, exchange, listener, name, peer_name, socket};
use crate::{
    address::{Address, PATH_SIZE},
    harness::{Case, Outcome, Test, check, check_eq, check_err, tests},
    sys,
};

pub(crate) const TESTS: &[Test] = tests!("unix";
    bind_makes_a_socket_inode,
    bind_honours_the_umask,
    bind_name_is_what_getsockname_gives,
    bind_refuses_a_second_name,
    bind_refuses_an_existing_path,
    bind_does_not_follow_a_final_symlink,
    bind_refuses_bad_paths,
    bind_refuses_bad_lengths,
    bind_refuses_other_families,
    bind_refusal_leaves_the_socket_unbound,
    bind_takes_a_path_without_nul_and_of_full_length,
    bind_path_ends_at_the_first_nul,
    bind_path_ends_at_the_length,
    bind_path_stays_after_close,
    bind_works_again_after_unlink,
    bind_after_unlink_hides_the_old_listener,
    bind_node_can_be_renamed,
    bind_node_cannot_be_opened,
    bind_resolves_relative_paths,
    bind_follows_symlinks_in_the_middle,
    connect_follows_a_symlink_to_the_node,
    bound_socket_is_not_yet_listening,
);

fn bind_makes_a_socket_inode(case: &Case) -> Outcome {
    let path = case.path("node");
    let fd = socket()?;
    check_err!(sys::stat(&path), ENOENT);
    check_eq!(sys::bind(&fd, Address::path(path.as_bytes()).bytes())?, 0);
    let stat = sys::stat(&path)?;
    check_eq!(stat.st_mode & libc::S_IFMT, libc::S_IFSOCK);
    check_eq!(stat.st_nlink, 1);
    check_eq!(stat.st_size, 0);
    check_eq!((stat.st_uid as usize, stat.st_gid as usize), (sys::geteuid()?, sys::getegid()?));
    // The inode in the file system is not the one that the descriptor shows.
    check!(sys::fstat(&fd)?.st_ino != stat.st_ino || sys::fstat(&fd)?.st_dev != stat.st_dev);
    Ok(())
}

fn bind_honours_the_umask(case: &Case) -> Outcome {
    let old = sys::umask(0)? as u32;
    let result = (|| {
        for (mask, mode) in [(0, 0o777), (0o022, 0o755), (0o077, 0o700), (0o777, 0)] {
            sys::umask(mask)?;
            let path = case.path(&format!("node{mask:o}"));
            let fd = socket()?;
            sys::bind(&fd, Address::path(path.as_bytes()).bytes())?;
            check_eq!(sys::stat(&path)?.st_mode & 0o7777, mode, "umask {mask:o}");
        }
        Ok(())
    })();
    sys::umask(old)?;
    result
}

fn bind_name_is_what_getsockname_gives(case: &Case) -> Outcome {
    let address = case.path_address("node");
    let fd = listener(&address, 1)?;
    check_eq!(name(&fd)?, address, "with the NUL at its end");
    let (near, far) = accepted(&fd, &address)?;
    check_eq!(peer_name(&near)?, address);
    check_eq!(name(&far)?, address, "an accepted socket has the listener's name");
    check_eq!(name(&near)?, Address::unnamed());
    check_eq!(peer_name(&far)?, Address::unnamed());
    Ok(())
}

fn bind_refuses_a_second_name(case: &Case) -> Outcome {
    let fd = socket()?;
    let address = case.path_address("one");
    sys::bind(&fd, address.bytes())?;
    check_err!(sys::bind(&fd, case.path_address("two").bytes()), EINVAL);
    check_err!(sys::bind(&fd, case.abstract_address("two").bytes()), EINVAL);
    check_eq!(name(&fd)?, address);
    Ok(())
}

fn bind_refuses_an_existing_path(case: &Case) -> Outcome {
    let file = case.path("file");
    drop(sys::open(&file, libc::O_CREAT | libc::O_WRONLY, 0o600)?);
    let directory = case.path("directory");
    sys::mkdir(&directory, 0o700)?;
    let bound = socket()?;
    let node = case.path("node");
    sys::bind(&bound, Address::path(node.as_bytes()).bytes())?;
    for path in [&file, &directory, &node] {
        let fd = socket()?;
        check_err!(sys::bind(&fd, Address::path(path.as_bytes()).bytes()), EADDRINUSE, "{path:?}");
    }
    check_err!(sys::bind(&socket()?, Address::path(b"/").bytes()), EADDRINUSE);
    Ok(())
}

fn bind_does_not_follow_a_final_symlink(case: &Case) -> Outcome {
    let link = case.path("link");
    sys::symlink(&case.path("absent"), &link)?;
    check_err!(sys::bind(&socket()?, Address::path(link.as_bytes()).bytes()), EADDRINUSE);
    check_err!(sys::stat(&case.path("absent")), ENOENT, "nothing was made at the link's target");
    Ok(())
}

fn bind_refuses_bad_paths(case: &Case) -> Outcome {
    let file = case.path("file");
    drop(sys::open(&file, libc::O_CREAT | libc::O_WRONLY, 0o600)?);
    let fd = socket()?;
    check_err!(sys::bind(&fd, case.path_address("no/such").bytes()), ENOENT);
    check_err!(sys::bind(&fd, case.path_address("file/below").bytes()), ENOTDIR);
    check_err!(sys::bind(&fd, case.path_address("slash/").bytes()), ENOENT);
    let link = case.path("loop");
    sys::symlink(&link, &link)?;
    check_err!(sys::bind(&fd, case.path_address("loop/below").bytes()), ELOOP);
    check_eq!(sys::bind(&fd, case.path_address("good").bytes())?, 0);
    Ok(())
}

fn bind_refuses_bad_lengths(case: &Case) -> Outcome {
    let fd = socket()?;
    let mut bytes = case.path_address("node").bytes().to_vec();
    bytes.resize(4096, 0);
    for length in [0, 1, 111, 112, 128, 129, 4096] {
        check_err!(sys::bind(&fd, &bytes[..length]), EINVAL, "length {length}");
    }
    check_err!(sys::stat(&case.path("node")), ENOENT);
    check_eq!(sys::bind(&fd, &bytes[..110])?, 0, "the whole structure");
    Ok(())
}

fn bind_refuses_other_families(case: &Case) -> Outcome {
    let fd = socket()?;
    let path = case.path("node");
    for family in [libc::AF_UNSPEC, libc::AF_INET, libc::AF_INET6, libc::AF_NETLINK, 255, 0xffff] {
        let address = Address::raw(family as u16, path.as_bytes_with_nul());
        check_err!(sys::bind(&fd, address.bytes()), EINVAL, "family {family}");
        check_err!(sys::bind(&fd, &address.bytes()[..2]), EINVAL, "family {family} alone");
    }
    Ok(())
}

fn bind_refusal_leaves_the_socket_unbound(case: &Case) -> Outcome {
    let fd = socket()?;
    check_err!(sys::bind(&fd, case.path_address("no/such").bytes()), ENOENT);
    check_eq!(name(&fd)?, Address::unnamed());
    check_err!(sys::listen(&fd, 1), EINVAL);
    let address = case.abstract_address("later");
    sys::bind(&fd, address.bytes())?;
    check_eq!(name(&fd)?, address);
    check_eq!(sys::listen(&fd, 1)?, 0);
    Ok(())
}

/// A path in the test's directory that has exactly as many bytes.
fn path_of_length(case: &Case, length: usize) -> CString {
    let directory = case.path("");
    let fill = length - directory.as_bytes().len();
    case.path(&"n".repeat(fill))
}

fn bind_takes_a_path_without_nul_and_of_full_length(case: &Case) -> Outcome {
    let path = path_of_length(case, PATH_SIZE);
    let full = Address::raw(libc::AF_UNIX as u16, path.as_bytes());
    check_eq!(full.bytes().len(), 110);
    let fd = listener(&full, 1)?;
    // The kernel adds the NUL: the name is a byte longer than the structure (unix(7), BUGS).
    check_eq!(name(&fd)?, Address::path(path.as_bytes()));
    check_eq!(sys::stat(&path)?.st_mode & libc::S_IFMT, libc::S_IFSOCK);
    let (near, far) = accepted(&fd, &full)?;
    check_eq!(peer_name(&near)?.bytes().len(), 111);
    exchange(&near, &far)
}

fn bind_path_ends_at_the_first_nul(case: &Case) -> Outcome {
    let fd = socket()?;
    let mut bytes = case.path_address("node").bytes().to_vec();
    bytes.extend_from_slice(b"behind the NUL");
    sys::bind(&fd, &bytes)?;
    check_eq!(name(&fd)?, case.path_address("node"));
    check_eq!(sys::stat(&case.path("node"))?.st_mode & libc::S_IFMT, libc::S_IFSOCK);
    Ok(())
}

fn bind_path_ends_at_the_length(case: &Case) -> Outcome {
    let fd = socket()?;
    let long = case.path_address("node-and-more");
    let short = case.path_address("node");
    // The length cuts the path, and no NUL stands there.
    sys::bind(&fd, &long.bytes()[..short.bytes().len() - 1])?;
    check_eq!(name(&fd)?, short);
    check_eq!(sys::stat(&case.path("node"))?.st_mode & libc::S_IFMT, libc::S_IFSOCK);
    Ok(())
}

fn bind_path_stays_after_close(case: &Case) -> Outcome {
    let address = case.path_address("node");
    let fd = listener(&address, 1)?;
    drop(fd);
    check_eq!(sys::stat(&case.path("node"))?.st_mode & libc::S_IFMT, libc::S_IFSOCK);
    check_err!(sys::bind(&socket()?, address.bytes()), EADDRINUSE);
    check_err!(client(&address), ECONNREFUSED);
    Ok(())
}

fn bind_works_again_after_unlink(case: &Case) -> Outcome {
    let address = case.path_address("node");
    for _ in 0..3 {
        let fd = listener(&address, 1)?;
        let (near, far) = accepted(&fd, &address)?;
        exchange(&near, &far)?;
        drop(fd);
        sys::unlink(&case.path("node"))?;
        check_err!(client(&address), ENOENT);
    }
    Ok(())
}

fn bind_after_unlink_hides_the_old_listener(case: &Case) -> Outcome {
    let address = case.path_address("node");
    let old = listener(&address, 4)?;
    sys::unlink(&case.path("node"))?;
    let new = listener(&address, 4)?;
    let near = client(&address)?;
    sys::fcntl(&old, libc::F_SETFL, libc::O_NONBLOCK)?;
    check_err!(sys::accept(&old), EAGAIN);
    let far = sys::accept(&new)?;
    exchange(&near, &far)?;
    drop(new);
    check_err!(client(&address), ECONNREFUSED, "the old listener is not found by the new node");
    Ok(())
}

fn bind_node_can_be_renamed(case: &Case) -> Outcome {
    let address = case.path_address("before");
    let fd = listener(&address, 1)?;
    sys::rename(&case.path("before"), &case.path("after"))?;
    check_err!(client(&address), ENOENT);
    let (near, far) = accepted(&fd, &case.path_address("after"))?;
    exchange(&near, &far)?;
    check_eq!(peer_name(&near)?, address, "the name is the one that was bound");
    Ok(())
}

fn bind_node_cannot_be_opened(case: &Case) -> Outcome {
    let _fd = listener(&case.path_address("node"), 1)?;
    for flags in [libc::O_RDONLY, libc::O_WRONLY, libc::O_RDWR, libc::O_RDWR | libc::O_NONBLOCK] {
        check_err!(sys::open(&case.path("node"), flags, 0), ENXIO, "flags {flags:#o}");
    }
    Ok(())
}

fn bind_resolves_relative_paths(case: &Case) -> Outcome {
    let mut old = [0; 4096];
    let length = sys::getcwd(&mut old)?;
    let old = CString::from_vec_with_nul(old[..length].to_vec()).expect("getcwd ends its result with a NUL");
    sys::mkdir(&case.path("below"), 0o700)?;
    sys::chdir(&case.path(""))?;
    let result = (|| {
        let address = Address::path(b"node");
        let fd = listener(&address, 2)?;
        check_eq!(name(&fd)?, address, "the name is not resolved");
        check_eq!(sys::stat(&case.path("node"))?.st_mode & libc::S_IFMT, libc::S_IFSOCK);
        for path in ["node", "./node", "below/../node", "below/.././/node"] {
            let (near, far) = accepted(&fd, &Address::path(path.as_bytes()))?;
            exchange(&near, &far)?;
            check_eq!(peer_name(&near)?, address, "by {path}");
        }
        sys::chdir(&case.path("below"))?;
        check_err!(client(&address), ENOENT);
        let (near, far) = accepted(&fd, &Address::path(b"../node"))?;
        exchange(&near, &far)
    })();
    sys::chdir(&old)?;
    result
}

fn bind_follows_symlinks_in_the_middle(case: &Case) -> Outcome {
    sys::mkdir(&case.path("real"), 0o700)?;
    sys::symlink(c"real", &case.path("link"))?;
    let address = case.path_address("link/node");
    let fd = listener(&address, 2)?;
    check_eq!(sys::stat(&case.path("real/node"))?.st_mode & libc::S_IFMT, libc::S_IFSOCK);
    let (near, far) = accepted(&fd, &case.path_address("real/node"))?;
    check_eq!(peer_name(&near)?, address);
    exchange(&near, &far)
}

fn connect_follows_a_symlink_to_the_node(case: &Case) -> Outcome {
    let fd = listener(&case.path_address("node"), 2)?;
    sys::symlink(c"node", &case.path("link"))?;
    sys::symlink(c"link", &case.path("link-to-link"))?;
    for path in ["link", "link-to-link"] {
        let (near, far) = accepted(&fd, &case.path_address(path))?;
        exchange(&near, &far)?;
    }
    sys::symlink(c"gone", &case.path("dangling"))?;
    check_err!(client(&case.path_address("dangling")), ENOENT);
    let link = case.path("loop");
    sys::symlink(&link, &link)?;
    check_err!(client(&case.path_address("loop")), ELOOP);
    Ok(())
}

fn bound_socket_is_not_yet_listening(case: &Case) -> Outcome {
    let fd = socket()?;
    let address = case.path_address("node");
    sys::bind(&fd, address.bytes())?;
    check_err!(client(&address), ECONNREFUSED);
    check_err!(sys::accept(&fd), EINVAL);
    check_eq!(sys::listen(&fd, 1)?, 0);
    check!(client(&address).is_ok());
    Ok(())
}
