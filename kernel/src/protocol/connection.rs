//! What Jupyter tells a kernel at its start.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use zeromq::Socket;

use super::message::Session;

/// What the connection file says.
#[derive(Clone, Debug)]
pub(crate) struct ConnectionFile {
    transport: String,
    ip: String,
    ports: Value,
    key: String,
}

impl ConnectionFile {
    pub(crate) fn read(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path)
            .with_context(|| format!("cannot read the connection file {}", path.display()))?;
        let json: Value = serde_json::from_str(&text)
            .with_context(|| format!("{} is not a connection file", path.display()))?;
        let text = |name: &str| -> Result<String> {
            let value = json[name].as_str();
            Ok(value.with_context(|| format!("the connection file names no {name}"))?.to_owned())
        };
        let scheme = json["signature_scheme"].as_str().unwrap_or("hmac-sha256");
        ensure!(scheme == "hmac-sha256", "signature_scheme {scheme} is not known: hmac-sha256");
        let transport = text("transport")?;
        ensure!(transport == "tcp", "transport {transport} is not known: tcp");
        Ok(Self { transport, ip: text("ip")?, key: text("key")?, ports: json })
    }

    /// Host and port number of the port of that name.
    pub(crate) fn address(&self, port: &str) -> Result<String> {
        let number = self.ports[port]
            .as_u64()
            .filter(|&number| u16::try_from(number).is_ok())
            .with_context(|| format!("the connection file names no {port}"))?;
        // Brackets tell the colons of an IPv6 address from that of the port.
        Ok(match self.ip.as_str() {
            "*" => format!("0.0.0.0:{number}"),
            ip if ip.contains(':') && !ip.starts_with('[') => format!("[{ip}]:{number}"),
            ip => format!("{ip}:{number}"),
        })
    }

    /// Binds a socket to the port of that name, such as `shell_port`.
    pub(crate) async fn bind<S: Socket>(&self, port: &str) -> Result<S> {
        let address = format!("{}://{}", self.transport, self.address(port)?);
        let mut socket = S::new();
        socket.bind(&address).await.with_context(|| format!("cannot bind {port} to {address}"))?;
        Ok(socket)
    }

    pub(crate) fn session(&self) -> Session {
        Session::new(&self.key)
    }
}
