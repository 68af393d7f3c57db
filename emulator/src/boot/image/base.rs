//! The image before any `--root`: the usual folders, merged into `/usr`, and the few files that programs ask for.

use super::tree::{Contents, Kind, Node, Tree};

/// Directories and their modes, as a fresh Debian has them. The kernel mounts `/dev` and `/proc` over theirs.
const DIRECTORIES: &[(&str, u32)] = &[
    ("/dev", 0o755),
    ("/etc", 0o755),
    ("/home", 0o755),
    ("/proc", 0o555),
    ("/root", 0o700),
    ("/run", 0o755),
    ("/sys", 0o555),
    ("/tmp", 0o1777),
    ("/usr", 0o755),
    ("/usr/bin", 0o755),
    ("/usr/lib", 0o755),
    ("/usr/lib64", 0o755),
    ("/usr/local", 0o755),
    ("/usr/local/bin", 0o755),
    ("/usr/sbin", 0o755),
    ("/usr/share", 0o755),
    ("/var", 0o755),
    ("/var/cache", 0o755),
    ("/var/lib", 0o755),
    ("/var/log", 0o755),
    ("/var/tmp", 0o1777),
];

const SYMLINKS: &[(&str, &str)] = &[
    ("/bin", "usr/bin"),
    ("/lib", "usr/lib"),
    ("/lib64", "usr/lib64"),
    ("/sbin", "usr/sbin"),
    ("/var/run", "/run"),
];

const FILES: &[(&str, &str)] = &[
    (
        "/etc/passwd",
        "root:x:0:0:root:/root:/bin/sh\n\
         daemon:x:1:1:daemon:/usr/sbin:/usr/sbin/nologin\n\
         nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n",
    ),
    ("/etc/group", "root:x:0:\ndaemon:x:1:\ntty:x:5:\nnogroup:x:65534:\n"),
    ("/etc/hostname", "postern\n"),
    ("/etc/hosts", "127.0.0.1\tlocalhost postern\n::1\tlocalhost ip6-localhost ip6-loopback\n"),
    (
        "/etc/nsswitch.conf",
        "passwd: files\ngroup: files\nhosts: files dns\nservices: files\nprotocols: files\n",
    ),
    (
        "/etc/services",
        "echo\t7/tcp\necho\t7/udp\ndiscard\t9/tcp\ndiscard\t9/udp\nftp\t21/tcp\nssh\t22/tcp\nsmtp\t25/tcp\n\
         domain\t53/tcp\ndomain\t53/udp\nhttp\t80/tcp\nntp\t123/udp\nhttps\t443/tcp\n",
    ),
    ("/etc/protocols", "ip\t0\tIP\nicmp\t1\tICMP\ntcp\t6\tTCP\nudp\t17\tUDP\nipv6-icmp\t58\tIPv6-ICMP\n"),
];

pub(super) fn tree() -> Tree {
    let mut tree = Tree::new();
    let directories = DIRECTORIES.iter().map(|(path, mode)| (*path, Node::directory(*mode)));
    let symlinks = SYMLINKS
        .iter()
        .map(|(path, target)| (*path, Node::new(0o777, Kind::Symlink(target.as_bytes().to_vec()))));
    let files = FILES
        .iter()
        .map(|(path, text)| (*path, Node::new(0o644, Kind::File(Contents::Bytes(text.as_bytes().to_vec())))));
    for (path, node) in directories.chain(symlinks).chain(files) {
        let (directory, name) = tree.make_parents(path).expect("the base image's paths are absolute");
        let node = tree.add(node);
        tree.replace(directory, name, node).expect("the base image's paths differ");
    }
    tree
}

#[cfg(test)]
mod tests {
    use super::{DIRECTORIES, FILES, SYMLINKS, tree};

    #[test]
    fn every_entry_of_the_base_image_is_there() {
        let tree = tree();
        let paths = DIRECTORIES.iter().map(|entry| entry.0).chain(FILES.iter().map(|entry| entry.0));
        for path in paths.chain(SYMLINKS.iter().map(|entry| entry.0)) {
            assert!(tree.resolve("/", path).is_ok(), "{path}");
        }
        assert_eq!(tree.resolve("/", "/bin"), tree.resolve("/", "/usr/bin"));
    }
}
