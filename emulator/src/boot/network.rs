//! The guest's network: QEMU's user network, what is forwarded into it, and what is written down of it.

use std::{
    fmt, fs,
    net::{Ipv4Addr, SocketAddrV4, TcpListener, UdpSocket},
    path::PathBuf,
    str::FromStr,
};

use anyhow::{Context, Result, bail};

/// A protocol with ports.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Protocol {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
        })
    }
}

/// A port of the host's loopback address that leads to one of the guest.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Forward {
    /// For which protocol.
    pub protocol: Protocol,
    /// The port on 127.0.0.1 of the host.
    pub host: u16,
    /// The port in the guest.
    pub guest: u16,
}

/// Why a text is no forwarding.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ParseForwardError(String);

impl fmt::Display for ParseForwardError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ParseForwardError {}

impl FromStr for Forward {
    type Err = ParseForwardError;

    /// `[tcp:|udp:]HOSTPORT:GUESTPORT`
    fn from_str(text: &str) -> Result<Self, ParseForwardError> {
        let bad =
            |reason: String| ParseForwardError(format!("{reason}: it must be [tcp:|udp:]HOSTPORT:GUESTPORT"));
        let parts: Vec<_> = text.split(':').collect();
        let (protocol, host, guest) = match parts[..] {
            [host, guest] => (Protocol::Tcp, host, guest),
            ["tcp", host, guest] => (Protocol::Tcp, host, guest),
            ["udp", host, guest] => (Protocol::Udp, host, guest),
            [other, _, _] => return Err(bad(format!("{other:?} is no protocol"))),
            _ => return Err(bad("two ports are needed".to_owned())),
        };
        let port = |text: &str| match text.parse::<u16>() {
            Ok(port) if port > 0 && text.bytes().all(|byte| byte.is_ascii_digit()) => Ok(port),
            _ => Err(bad(format!("{text:?} is no port from 1 to 65535"))),
        };
        Ok(Self { protocol, host: port(host)?, guest: port(guest)? })
    }
}

impl fmt::Display for Forward {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.protocol, self.host, self.guest)
    }
}

impl Forward {
    /// Says when the host's port cannot be had: QEMU says so too, but not why. Somebody may still take it before QEMU does.
    fn check(&self) -> Result<()> {
        let address = SocketAddrV4::new(Ipv4Addr::LOCALHOST, self.host);
        let had = match self.protocol {
            Protocol::Tcp => TcpListener::bind(address).map(drop),
            Protocol::Udp => UdpSocket::bind(address).map(drop),
        };
        had.with_context(|| format!("cannot forward {} port {} of 127.0.0.1", self.protocol, self.host))
    }
}

/// A network device in QEMU's user network: the guest gets 10.0.2.15 from the DHCP server at 10.0.2.2, which is the host, and
/// asks 10.0.2.3 for names.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct Network {
    /// What leads into the guest.
    pub forwards: Vec<Forward>,
    /// Where all frames are written, in pcap's format.
    pub pcap: Option<PathBuf>,
}

impl Network {
    /// Who answers questions for names in the user network.
    pub const NAME_SERVER: Ipv4Addr = Ipv4Addr::new(10, 0, 2, 3);

    /// Says what cannot be had, before anything is started.
    ///
    /// # Errors
    /// A port that is forwarded twice or in use; a file that cannot be written.
    pub fn check(&self) -> Result<()> {
        let mut seen = Vec::new();
        for forward in &self.forwards {
            let port = (forward.protocol, forward.host);
            if seen.contains(&port) {
                bail!("{} port {} is forwarded twice", forward.protocol, forward.host);
            }
            seen.push(port);
            forward.check()?;
        }
        if let Some(path) = &self.pcap {
            fs::File::create(path).with_context(|| format!("cannot write {}", path.display()))?;
        }
        Ok(())
    }

    /// QEMU's arguments. QEMU runs in another folder: the file is named from the root.
    ///
    /// # Errors
    /// The file's path cannot be found, or said to QEMU.
    pub(super) fn arguments(&self) -> Result<Vec<String>> {
        let forwards: String = self
            .forwards
            .iter()
            .map(|it| format!(",hostfwd={}:127.0.0.1:{}-:{}", it.protocol, it.host, it.guest))
            .collect();
        let mut arguments = vec!["-netdev".to_owned(), format!("user,id=n0{forwards}")];
        arguments.extend(["-device", "virtio-net-pci,netdev=n0,disable-legacy=on"].map(ToOwned::to_owned));
        if let Some(path) = &self.pcap {
            let path = fs::canonicalize(path).with_context(|| format!("cannot use {}", path.display()))?;
            let text = path.to_str().with_context(|| format!("{} is not UTF-8", path.display()))?;
            // QEMU splits at commas, and takes a doubled one for one.
            let file = text.replace(',', ",,");
            arguments.extend(["-object".to_owned(), format!("filter-dump,id=d0,netdev=n0,file={file}")]);
        }
        Ok(arguments)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forwards() {
        let parse = |text: &str| text.parse::<Forward>().map(|forward| forward.to_string());
        assert_eq!(parse("8080:80").unwrap(), "tcp:8080:80");
        assert_eq!(parse("tcp:1:65535").unwrap(), "tcp:1:65535");
        assert_eq!(parse("udp:53:53").unwrap(), "udp:53:53");
        for bad in
            ["", "80", ":", "0:80", "80:0", "80:65536", "+1:2", "sctp:1:2", "tcp:1:2:3", "1-2", "TCP:1:2"]
        {
            assert!(parse(bad).unwrap_err().to_string().contains("HOSTPORT:GUESTPORT"), "{bad}");
        }
    }

    #[test]
    fn ports_in_use_are_named() {
        let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let host = taken.local_addr().unwrap().port();
        let forward = |protocol| Forward { protocol, host, guest: 80 };
        let network = |forwards: Vec<Forward>| Network { forwards, pcap: None };
        let refused = network(vec![forward(Protocol::Tcp)]).check().unwrap_err();
        assert!(
            format!("{refused:#}").contains(&format!("tcp port {host} of 127.0.0.1: Address already in use"))
        );
        drop(taken);
        assert!(network(vec![forward(Protocol::Tcp)]).check().is_ok());
        let twice = network(vec![forward(Protocol::Tcp); 2]).check().unwrap_err();
        assert!(twice.to_string().contains("twice"));
    }

    #[test]
    fn qemu_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let network =
            Network { forwards: vec!["udp:5:6".parse().unwrap()], pcap: Some(folder.path().join("a,b")) };
        network.check().unwrap();
        let arguments = network.arguments().unwrap();
        assert_eq!(arguments[1], "user,id=n0,hostfwd=udp:127.0.0.1:5-:6");
        assert!(arguments[5].ends_with("a,,b"));
        let nowhere = Network { pcap: Some("/nowhere/x".into()), ..Network::default() };
        assert!(nowhere.check().unwrap_err().to_string().contains("cannot write /nowhere/x"));
    }
}
