"""Kalimat tentang simpul sebagai layanan, by key."""

from __future__ import annotations

from typing import Final

__all__ = ["SERVICE_INDONESIAN"]

SERVICE_INDONESIAN: Final[dict[str, str]] = {
    "node.alive": "Simpul melayani di {address}.",
    "help.node.install_service": (
        "Cetak unit systemd untuk simpul ini, sudah diisi dari konfigurasinya. Tidak ada yang diubah;"
        " docs/installing menjelaskan tempatnya."
    ),
    "help.node.install_service.examples": (
        "lumbung node install-service --config /etc/lumbung/config.toml > /etc/systemd/system/lumbung-node.service"
    ),
    "help.node.install_service.account": "Akun yang menjalankan simpul.",
    "help.node.install_service.memory": "Memori yang boleh dipakai simpul, dalam MiB.",
    "help.node.alive": (
        "Tanyakan kepada simpul dari konfigurasi ini, dengan sertifikatnya sendiri, apakah ia melayani. Untuk"
        " pemeriksaan kesehatan kontainer dan skrip."
    ),
    "help.node.alive.examples": "lumbung node alive --config /etc/lumbung/config.toml",
    "node.not_started": "Simpul tidak dijalankan: {why}.",
}
