//! What a program can choose about a connection. A connection that is accepted begins with its listener's choices.

use core::time::Duration;

/// The options of a connection, with Linux's defaults.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TcpOptions {
    /// How many bytes wait to be sent or acknowledged at most.
    pub send_buffer: u32,
    /// How many bytes wait to be read at most: the greatest window.
    pub receive_buffer: u32,
    /// IP_TTL.
    pub hop_limit: u8,
    /// IP_TOS.
    pub traffic_class: u8,
    /// TCP_NODELAY: short segments do not wait (RFC 9293, 3.7.4).
    pub no_delay: bool,
    /// TCP_CORK: short segments wait for more.
    pub cork: bool,
    /// SO_KEEPALIVE.
    pub keep_alive: bool,
    /// TCP_KEEPIDLE: so long after the last segment the peer is asked.
    pub keep_idle: Duration,
    /// TCP_KEEPINTVL: so long until it is asked again.
    pub keep_interval: Duration,
    /// TCP_KEEPCNT: so many questions.
    pub keep_count: u8,
    /// TCP_USER_TIMEOUT: so long data may wait for an acknowledgement (RFC 5482).
    pub user_timeout: Option<Duration>,
    /// TCP_SYNCNT: how often a SYN is sent again.
    pub syn_retries: u8,
    /// TCP_LINGER2: how long a closed connection waits for the peer's FIN.
    pub fin_timeout: Duration,
    /// SO_LINGER with 0 seconds: close(2) resets the connection.
    pub reset_on_close: bool,
    /// TCP_MAXSEG: the longest segment that is sent or asked for.
    pub max_segment: Option<u16>,
    /// TCP_DEFER_ACCEPT: connections are accepted once data is there.
    pub defer_accept: bool,
}

impl Default for TcpOptions {
    fn default() -> Self {
        Self {
            send_buffer: 64 << 10,
            receive_buffer: 64 << 10,
            hop_limit: 64,
            traffic_class: 0,
            no_delay: false,
            cork: false,
            keep_alive: false,
            keep_idle: Duration::from_secs(7200),
            keep_interval: Duration::from_secs(75),
            keep_count: 9,
            user_timeout: None,
            syn_retries: 6,
            fin_timeout: Duration::from_secs(60),
            reset_on_close: false,
            max_segment: None,
            defer_accept: false,
        }
    }
}

/// The least and the greatest buffer, in bytes.
const BUFFER_MIN: u32 = 4096;
const BUFFER_MAX: u32 = 6 << 20;

impl TcpOptions {
    /// The size of a send buffer that can be had.
    pub(super) fn send_size(&self) -> usize {
        self.send_buffer.clamp(BUFFER_MIN, BUFFER_MAX) as usize
    }

    /// The size of a receive buffer that can be had.
    pub(super) fn receive_size(&self) -> usize {
        self.receive_buffer.clamp(BUFFER_MIN, BUFFER_MAX) as usize
    }
}
