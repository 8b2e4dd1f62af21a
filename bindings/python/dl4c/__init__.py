# SPDX-License-Identifier: Apache-2.0
"""Transfer learning on images: libdl4c from Python."""
