"""how a session began.

Generated, then edited and owned; excluded from lint. Revises: 0002
"""

import sqlalchemy as sa
from alembic import op

revision = '0003'
down_revision = '0002'
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Until now there were login addresses only.
    op.add_column('session', sa.Column('began_with', sa.String(length=16), server_default='link', nullable=False))


def downgrade() -> None:
    op.drop_column('session', 'began_with')
