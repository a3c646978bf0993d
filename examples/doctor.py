"""Examine the installation: what a bug report needs, and what a program may check when it starts.

Run: python examples/doctor.py
"""

import mien

found = mien.doctor()
print(f"mien {found.mien}, Python {found.python}, {found.processor}")
for package in found.packages:
    print(f"  {package.name} {package.version or 'not installed'}")
damaged = [file.file for file in found.files if file.problem]
print(f"damaged: {', '.join(damaged) or 'nothing'}; {found.inference.ms_per_face:.1f} ms per face")
